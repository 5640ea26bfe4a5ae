# Sourced by the scripts beside it: the repository's root, and where Python 3.13 and uv come from.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
ROOT=$PWD
PYTHON_VERSION=$(<.python-version)

say() { printf '%s\n' "$*" >&2; }

die() {
  printf 'error: %s\n' "$@" >&2
  exit 1
}

is_wanted_python() {
  "$1" -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] != sys.argv[1])' "$PYTHON_VERSION" 2>/dev/null
}

# The path of a Python of the wanted version, or nothing. PYTHON= names one.
find_python() {
  local candidate
  for candidate in "${PYTHON:-}" "python$PYTHON_VERSION" python3 python; do
    if [ -n "$candidate" ] && is_wanted_python "$candidate"; then
      "$candidate" -c 'import sys; print(sys.executable)'
      return
    fi
  done
}

# Sets UV. Where the machine has no uv, pip brings the pinned one into .local/uv.
find_uv() {
  local python
  UV=$(command -v uv || true)
  [ -n "$UV" ] && return
  UV=$ROOT/.local/uv/bin/uv
  if [ -x "$UV" ] && [ "$(cat .local/uv/requirements.sum 2>/dev/null)" = "$(cksum <requirements/uv.txt)" ]; then
    return
  fi
  for python in "$(find_python)" python3 python; do
    if [ -n "$python" ] && "$python" -m pip --version >/dev/null 2>&1; then
      say 'Installing uv into .local/uv'
      rm -rf .local/uv
      "$python" -m pip install --quiet --root-user-action ignore --disable-pip-version-check \
        --require-hashes --requirement requirements/uv.txt --target .local/uv 2>.uv.log ||
        { cat .uv.log >&2; rm -f .uv.log; die 'pip could not install uv (see above)'; }
      rm -f .uv.log
      cksum <requirements/uv.txt >.local/uv/requirements.sum
      return
    fi
  done
  die "Neither uv nor a Python with pip is on PATH." \
    "Install one of them, e.g. 'apt-get install python3-pip' on Debian or Ubuntu, 'brew install uv' on macOS."
}
