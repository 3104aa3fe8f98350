#!/bin/sh
# Installs runner on a host: a user, a virtual environment, a home, and what calls it. Calling it again changes only what differs.
#
#   install-host.sh --source ./pgrunner-0.1.0-py3-none-any.whl --with timer
#   install-host.sh --with worker --worker-options "--jobs 8 --labels network=dmz"
set -eu

usage() {
    cat <<'END'
install-host.sh [OPTIONS]
  --source WHAT             what pip installs: a name, a wheel or a folder (default: pgrunner); may be given several times
  --prefix DIR              the virtual environment (default: /opt/runner)
  --home DIR                the home with runner.yaml (default: /etc/runner)
  --user NAME               who runs it; made if it does not exist (default: runner)
  --with timer|worker|none  what is installed to call it; may be given twice (default: none)
  --worker-options TEXT     options of `runner worker`
  --python PROGRAM          Python 3.11 or newer (default: python3)
  --root DIR                install below this folder, for packages and images: no user is made and nothing is started
END
}

say() { printf 'install-host: %s\n' "$*"; }
fail() {
    printf 'install-host: %s\n' "$*" >&2
    exit 1
}

here=$(cd -- "$(dirname -- "$0")" && pwd)
prefix=/opt/runner home=/etc/runner user=runner python=python3 root='' timer='' worker='' options=''
list=$(mktemp)
trap 'rm -f "$list"' EXIT

while [ $# -gt 0 ]; do
    case $1 in
    -h | --help)
        usage
        exit 0
        ;;
    --source | --prefix | --home | --user | --with | --worker-options | --python | --root)
        [ $# -ge 2 ] || fail "$1 needs a value"
        case $1 in
        --source) printf '%s\n' "$2" >>"$list" ;;
        --prefix) prefix=$2 ;;
        --home) home=$2 ;;
        --user) user=$2 ;;
        --worker-options) options=$2 ;;
        --python) python=$2 ;;
        --root) root=${2%/} ;;
        --with)
            case $2 in
            timer) timer=yes ;;
            worker) worker=yes ;;
            none) ;;
            *) fail "--with takes timer, worker or none, not \`$2\`" ;;
            esac
            ;;
        esac
        shift 2
        ;;
    *) fail "there is no option \`$1\`; --help lists them" ;;
    esac
done
[ -s "$list" ] || echo pgrunner >"$list"
for path in "$prefix" "$home"; do
    case $path in
    /*) ;;
    *) fail "$path is not an absolute path" ;;
    esac
    case $path in
    *[!A-Za-z0-9_./-]*) fail "$path has characters that unit files do not take" ;;
    esac
done
case $user in
'' | *[!a-z0-9_-]*) fail "\`$user\` is not a user's name" ;;
esac
case $options in
*[!A-Za-z0-9_.,=\ -]*) fail "--worker-options has characters that unit files do not take" ;;
esac
[ -n "$root" ] || [ "$(id -u)" -eq 0 ] || fail "only root can install for the whole host; --root DIR needs no root"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "$python is not Python 3.11 or newer"

# ---- the user

if [ -z "$root" ] && ! id "$user" >/dev/null 2>&1; then
    useradd --system --user-group --home-dir "$home" --no-create-home --shell /usr/sbin/nologin "$user"
    say "made the user $user"
fi

# ---- the program

venv=$root$prefix
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
set --
while IFS= read -r source; do
    set -- "$@" "$source"
done <"$list"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --upgrade "$@"
if [ -n "$root" ]; then
    # Programs name their interpreter by its whole path, which is another one where this is used.
    find "$venv/bin" -type f -exec sed -i "1s|^#!$venv/|#!$prefix/|" {} +
fi
say "$("$venv/bin/python" -m runner --version) in $venv"

# ---- the home

if [ ! -e "$root$home/runner.yaml" ] && [ ! -d "$root$home/checks.d" ]; then
    mkdir -p "$root$home"
    "$venv/bin/python" -m runner init "$root$home"
    say "made the home $root$home"
fi
mkdir -p "$root$home/.runner"
if [ -z "$root" ]; then
    # What is configured belongs to root and is read by the user; what is remembered belongs to the user.
    chown -R "root:$user" "$home"
    chown -R "$user:$user" "$home/.runner"
    find "$home" -path "$home/.runner" -prune -o -type d -exec chmod 750 {} +
    find "$home" -path "$home/.runner" -prune -o -type f -name '.env*' -exec chmod 640 {} +
fi

# ---- what calls it

changed=''
unit() {
    target=$root/etc/systemd/system/$1
    mkdir -p "$root/etc/systemd/system"
    sed -e "s|/opt/runner|$prefix|g" -e "s|/etc/runner|$home|g" \
        -e "s|^User=runner\$|User=$user|" -e "s|^Group=runner\$|Group=$user|" \
        "$here/systemd/$1" >"$target.new"
    if [ "$1" = runner-worker.service ] && [ -n "$options" ]; then
        sed -i.old -e "s|^Environment=\"WORKER_OPTIONS=.*|Environment=\"WORKER_OPTIONS=$options\"|" "$target.new"
        rm -f "$target.new.old"
    fi
    if cmp -s "$target.new" "$target"; then
        rm -f "$target.new"
    else
        mv "$target.new" "$target"
        changed=yes
        say "wrote $target"
    fi
}
switch_on() {
    if [ -z "$root" ]; then
        systemctl enable --now "$1"
        say "$1 is on"
    fi
}

[ -z "$timer" ] || {
    unit runner.service
    unit runner.timer
}
[ -z "$worker" ] || unit runner-worker.service
if [ -n "$changed" ] && [ -z "$root" ]; then
    systemctl daemon-reload
fi
[ -z "$timer" ] || switch_on runner.timer
[ -z "$worker" ] || switch_on runner-worker.service
say "next: $prefix/bin/runner --home $home doctor"
