# SPDX-License-Identifier: Apache-2.0
"""What rfc2544 writes: JSON of everything, a table in Markdown, and a picture, each beside a baseline."""

import html

VIRTUAL = ("Virtual links (veth pairs in network namespaces of one machine), not a NIC: generator, adit and the kernel "
           "share its cores.")


def key_of(row):
    """What a row is compared by."""
    return tuple(row[name] for name in ("scenario", "way", "size", "flows", "networks", "backends"))


def rate(found):
    """Packets per second of an NDR or PDR; nothing passed: None."""
    return found and found["pps"]


def kilo(pps):
    return "-" if pps is None else f"{pps / 1000:.1f}"


def size_text(size):
    return "imix" if size == 0 else str(size)


def change(row, baseline, which):
    """In percent of the baseline's, as text."""
    other = baseline.get(key_of(row))
    if not other or not rate(other[which]) or not rate(row[which]):
        return ""
    return f"{(rate(row[which]) / rate(other[which]) - 1) * 100:+.0f}%"


def limit_text(found):
    return "" if not found else {"generator": ">=", "most": ">="}.get(found["limit"], "")


def markdown(result, baseline=None):
    """`result` and `baseline` as in the JSON file."""
    old = {key_of(row): row for row in baseline["rows"]} if baseline else {}
    machine = result["machine"]
    lines = [f"# adit between two ports, {result['when']}", "", result["links"], "",
             f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}; load average at the start "
             f"{machine['load_average']:.1f}. adit {result['adit']}, ports {result['ports']}, poll {result['poll']}; generator "
             f"{result['generator']}. Trials of {result['seconds']} s, {result['attempts']} attempts each; resolution "
             f"{result['resolution_percent']}%; PDR at a loss of {result['loss_percent']}%.", "",
             "Rates are thousands of packets per second over all directions; \">=\": the generator, not adit, was the limit. "
             "Sizes are of a host's frame with FCS, without the tunnel. Latency at "
             f"{result['latency_at_percent']}% of the NDR, from the sender's clock to the kernel's time stamp.", "",
             f"    {result['command']}", ""]
    head = ["scenario", "way", "size", "flows", "networks", "backends", "NDR k/s", "PDR k/s", "p50 us", "p99 us", "p99.9 us",
            "drops"]
    if old:
        head[8:8] = ["NDR to baseline", "PDR to baseline"]
    lines += ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in result["rows"]:
        latency = row["latency"] or {}
        cells = [row["scenario"], row["way"], size_text(row["size"]), row["flows"], row["networks"], row["backends"],
                 limit_text(row["ndr"]) + kilo(rate(row["ndr"])), limit_text(row["pdr"]) + kilo(rate(row["pdr"]))]
        if old:
            cells += [change(row, old, "ndr"), change(row, old, "pdr")]
        cells += [latency.get(name) if latency.get(name) is not None else "-" for name in ("p50_us", "p99_us", "p99_9_us")]
        drops = (row["pdr"] or {}).get("drops") or {}
        cells.append(", ".join(f"{reason} {count}" for reason, count in drops.items()) or "none")
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"


BAR, GAP, LEFT, WIDTH, TOP = 14, 10, 260, 420, 60
COLORS = {"ndr": "#2a6f97", "pdr": "#89c2d9", "old": "#adb5bd"}


def svg(result, baseline=None):
    """Bars of NDR and PDR by row, and of the baseline's NDR."""
    old = {key_of(row): row for row in baseline["rows"]} if baseline else {}
    most = max([rate(found) or 0 for row in [*result["rows"], *old.values()] for found in (row["ndr"], row["pdr"])] + [1])
    parts, y = [], TOP

    def text(x, at, words, extra=""):
        parts.append(f'<text x="{x}" y="{at}" {extra}>{html.escape(str(words))}</text>')

    for row in result["rows"]:
        bars = [("ndr", rate(row["ndr"])), ("pdr", rate(row["pdr"]))]
        if key_of(row) in old:
            bars.append(("old", rate(old[key_of(row)]["ndr"])))
        label = (f"{row['scenario']} {row['way']} {size_text(row['size'])}, {row['flows']} flows, "
                 f"{row['networks']} networks, {row['backends']} backends")
        text(LEFT - 8, y + BAR, label, 'text-anchor="end"')
        for kind, value in bars:
            width = round((value or 0) / most * WIDTH)
            parts.append(f'<rect x="{LEFT}" y="{y}" width="{width}" height="{BAR - 2}" fill="{COLORS[kind]}"/>')
            text(LEFT + width + 4, y + BAR - 4, f"{kilo(value)} k/s {'baseline ' if kind == 'old' else ''}"
                 f"{'NDR' if kind != 'pdr' else 'PDR'}")
            y += BAR
        y += GAP
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 160}" height="{y + 10}" '
            'font-family="sans-serif" font-size="10">\n<rect width="100%" height="100%" fill="white"/>\n'
            f'<text x="10" y="20" font-size="13">adit, packets per second, {html.escape(result["when"])}</text>\n'
            f'<text x="10" y="38">{html.escape(result["links"])}</text>\n')
    return head + "\n".join(parts) + "\n</svg>\n"
