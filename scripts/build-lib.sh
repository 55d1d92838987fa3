# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Configures and builds into a directory, quietly while all is well. Source it.

# ccache finds what was compiled in another copy of the tree: paths do not count, what is in files does.
export CCACHE_BASEDIR=$ADIT_ROOT CCACHE_NOHASHDIR=1
export CCACHE_IGNOREOPTIONS='-fsanitize-ignorelist=*' CCACHE_EXTRAFILES=$ADIT_ROOT/tests/undefined-ignored

# build_into DIR [--targets "TARGET..."] [MESON OPTION...]: ADIT_JOBS jobs, or one per core. The
# output is kept in DIR/build.log. ADIT_ROOT is the source tree. What is not fast path is compiled
# many sources at once, which takes half the time.
build_into() {
  local dir=$1 log rc=0
  local -a targets=() unity=(-Dunity=on -Dunity_size=12)
  shift
  if [[ ${1-} == --targets ]]; then
    read -ra targets <<<"$2"
    shift 2
  fi
  log=$(mktemp)
  {
    if [[ -f $dir/build.ninja ]]; then
      # Options may have changed since; meson does nothing when none has.
      meson configure "$dir" "${unity[@]}" "$@"
    else
      meson setup "$dir" "$ADIT_ROOT" "${unity[@]}" "$@"
    fi &&
      ninja -C "$dir" -j "${ADIT_JOBS:-$(nproc)}" ${targets[@]+"${targets[@]}"}
  } >"$log" 2>&1 </dev/null || rc=$?
  if ((rc != 0)); then
    tail -n 60 "$log" >&2
    echo "the build in $dir failed; the end of its output is above" >&2
  fi
  if [[ -d $dir ]]; then mv "$log" "$dir/build.log"; else rm -f "$log"; fi
  return "$rc"
}

# build_sanitized DIR TARGET...: with clang, the address and undefined-behaviour sanitizers, and
# ready for the fuzzer. -O1: sanitizers see what the source says, and the build takes half the time.
# Programs have 100 MB then: LLVM's linker links five of them while GNU's links one.
build_sanitized() {
  local dir=$1 linker='' compiler=clang++
  shift
  if command -v ld.lld >/dev/null; then linker=lld; fi
  # meson asks ccache by itself for the compiler that it chooses itself only.
  if command -v ccache >/dev/null; then compiler="ccache clang++"; fi
  CXX=$compiler CXX_LD=$linker build_into "$dir" --targets "$*" -Dfuzz=true -Dwerror=false \
    -Db_sanitize=address,undefined -Db_lundef=false -Doptimization=1 -Ddebug=false \
    "-Dcpp_args=['-gline-tables-only','-D_GLIBCXX_ASSERTIONS','-fsanitize-ignorelist=$ADIT_ROOT/tests/undefined-ignored']"
}
