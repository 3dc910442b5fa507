# What Evenkeel does on a host that it reaches by SSH: all of it. This text is sent on standard
# input with every call and is not installed anywhere; contrib/sudoers allows exactly this text (by
# its SHA-256) and nothing else. Changing one letter here means a new contrib/sudoers.
#
# Needs a POSIX shell, coreutils, flock(1), systemd and openssl.
#
# As root it does only this, and under sudo it refuses everything else:
#   - replace or remove files below the member's own directories
#     (/etc/evenkeel/ACCOUNT.DEPLOYMENT.MEMBER, and the same in /var/lib/evenkeel and /run/evenkeel),
#     and the configuration file that a unit which runs mongod names with --config or -f;
#   - remove files below the directories that earlier versions had (DEPLOYMENT-MEMBER in the same
#     places), and these once they are empty;
#   - start and stop such a unit, with a drop-in of its own that adds --configExpand exec to the
#     unit's own command line, and one that lets it stop as slowly as it needs to;
#   - make the directories of a member;
#   - tell of every process called mongod what all users of a host may see: its number, user, unit
#     and command line.
# Everything else (reading files, making keys, data directories) is done as the server's user, and
# so is every change in a directory that anybody but root may write: whatever that user put there,
# a link for example, leads to nothing that it could not do by itself.
#
# Request: a line each for the marker, the operation, the server's user, the unit, the member's
# name and the operation's arguments; then, where the operation takes some, bytes.
# Answer, on both outputs: a line "MARKER begin", what the operation prints, "MARKER end WORD".
set -uf
umask 077
unset CDPATH ENV IFS
PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C HOME=/
export PATH LC_ALL HOME
cd /
IFS= read -r marker && IFS= read -r operation && IFS= read -r user && IFS= read -r unit &&
    IFS= read -r name || exit 3
newline='
'
printf '\n%s begin\n' "$marker"
printf '\n%s begin\n' "$marker" >&2

finish() {
    printf '\n%s end\n' "$marker" >&2
    printf '\n%s end %s\n' "$marker" "$*"
    exit 0
}

refuse() {
    printf '%s\n' "$*" >&2
    finish refused
}

# What a program said when it failed.
give_up() {
    printf '%s\n' "$1" >&2
    case $1 in
    *'No such file or directory'* | *'Not a directory'*) finish missing ;;
    *'No space left on device'* | *'Disk quota exceeded'*) finish full ;;
    *'Permission denied'* | *'Operation not permitted'* | *'Read-only file system'*) finish denied ;;
    esac
    finish failed
}

argument() {
    IFS= read -r given || finish cut
}

# ---- whose the server is ----

# $shown: what systemd says of the unit, a line "Property=value" each.
show() {
    shown=$(systemctl --no-pager show --property="$1" -- "$unit" 2>&1) || give_up "$shown"
    shown=$newline$shown$newline
}

# $value: the value of a property that was shown.
value_of() {
    value=${shown#*"$newline$1="}
    [ "$value" != "$shown" ] || value=
    value=${value%%"$newline"*}
}

narrow=
[ -z "${SUDO_UID:-}" ] || [ "$SUDO_UID" = 0 ] || narrow=yes
case $name in
.* | */* | *..* | *. | *.*.*.*) refuse 'an impossible name of a member' ;;
*.*.*) ;;
*) refuse 'an impossible name of a member' ;;
esac
old_name=${name#*.}
old_name=${old_name%.*}-${old_name#*.}
acts=yes
case $operation in
hello | unit | servers) acts=no ;;
esac
command_line=
if [ -n "$unit" ] && [ "$acts" = yes ]; then
    case $unit in
    -* | */* | *' '*) refuse 'an impossible name of a unit' ;;
    esac
    show ExecStart,User
    value_of ExecStart
    command_line=$value
    value_of User
    [ -n "$user" ] || user=$value
fi
if [ -n "$narrow" ] && [ "$acts" = yes ]; then
    case $command_line in
    */mongod\ *) ;;
    *) refuse "under sudo: $unit is not a unit that runs mongod" ;;
    esac
    case $value in
    '' | root | 0) refuse "under sudo: the server of $unit runs as root" ;;
    "$user") ;;
    *) refuse "under sudo: the server of $unit runs as $value, not as $user" ;;
    esac
fi
self=$(id -u)
server=
if [ -n "$user" ]; then
    server=$(id -u -- "$user" 2>/dev/null) || finish no_user
fi

as_server() {
    if [ "$self" != 0 ] || [ "${server:-0}" = 0 ]; then
        "$@"
    else
        chroot --userspec="$user" / "$@"
    fi
}

# ---- paths ----

# A directory that only root may change.
is_roots() {
    set -- $(stat -c '%u %g %a %F' -- "$1" 2>/dev/null)
    [ "${1:-}" = 0 ] && [ "${4:-}" = directory ] || return 1
    case $3 in
    *[2367]) return 1 ;;
    *[2367]?) [ "$2" = 0 ] ;;
    esac
}

# $path: the same without the links that only root can have put there; $acting: root where nobody
# but root can change a directory on the way, else server. From the first directory on that is not
# so, nothing is looked at: the server's user will go there with its own rights.
resolve() {
    case $1 in
    */../* | */..) refuse "$1: not a plain path" ;;
    /*) ;;
    *) refuse "$1: not a plain path" ;;
    esac
    asked=$1 rest=$1 path='' acting=root links=0
    is_roots / || acting=server
    while [ -n "$rest" ]; do
        rest=${rest#/}
        part=${rest%%/*}
        rest=${rest#"$part"}
        case $part in
        '' | .) continue ;;
        ..)
            path=${path%/*}
            continue
            ;;
        esac
        if [ "$acting" = root ] && [ -L "$path/$part" ]; then
            links=$((links + 1))
            [ "$links" -le 40 ] || refuse "$1: too many links"
            link=$(readlink -- "$path/$part")
            case $link in
            /*) path= ;;
            esac
            rest=/$link$rest
            continue
        fi
        path=$path/$part
        if [ -n "$rest" ] && [ "$acting" = root ] && [ -e "$path" ]; then
            is_roots "$path" || acting=server
        fi
    done
}

may_change() {
    [ -n "$narrow" ] && [ "$acting" = root ] || return 0
    case $path in
    /etc/evenkeel/"$name"/* | /var/lib/evenkeel/"$name"/* | /run/evenkeel/"$name"/*) return 0 ;;
    /var/lib/evenkeel/restarting/"$unit") return 0 ;;
    esac
    case $command_line in
    *" --config $asked "* | *" --config=$asked "* | *" -f $asked "*) return 0 ;;
    esac
    refuse "under sudo: $asked is neither the member's own nor a configuration that $unit names"
}

act() {
    if [ "$acting" = root ]; then
        "$@"
    else
        as_server "$@"
    fi
}

# The missing directories on the way to $path. A member's own can be entered by its server's user, who
# can't change what stands in it.
make_parents() {
    directory=${path%/*}
    [ -n "$directory" ] && [ ! -d "$directory" ] || return 0
    at=
    IFS=/
    set -- $directory
    unset IFS
    for part; do
        [ -n "$part" ] || continue
        above=$at
        at=$at/$part
        [ "$acting" = root ] && [ ! -d "$at" ] || continue
        said=$(mkdir -m 0755 -- "$at" 2>&1) || [ -d "$at" ] || give_up "$said"
        case $above in
        /etc/evenkeel | /var/lib/evenkeel)
            [ -n "$user" ] && [ "$part" = "$name" ] || continue
            said=$(chgrp -- "$(id -g -- "$user")" "$at" 2>&1 && chmod 0750 -- "$at" 2>&1) ||
                give_up "$said"
            ;;
        esac
    done
    [ -d "$directory" ] || said=$(act mkdir -p -m 0750 -- "$directory" 2>&1) || give_up "$said"
}

# Arguments: path, mode, length, the server's user, and what becomes of the ways of a file that is
# there: "keep" owner, group, mode and label; "give" it to the server's user and keep the rest; or
# "fresh": that user's, with the mode.
replace='
set -u
directory=${1%/*}/ new=
trap '\''[ -z "$new" ] || rm -f -- "$new"'\'' 0
trap "exit 1" 1 2 13 15
for new in "$directory.${1##*/}.evenkeel-"*; do
    rm -f -- "$new"
done
new=
new=$(mktemp -- "$directory.${1##*/}.evenkeel-XXXXXX") || exit 1
head -c "$3" >"$new" || exit 1
[ "$(stat -c %s -- "$new")" = "$3" ] || exit 9
if [ -e "$1" ] && [ "$5" != fresh ]; then
    [ "$(id -u)" != 0 ] || chown --reference="$1" -- "$new" || exit 1
    [ "$(id -u)" != 0 ] || [ -z "$4" ] || [ "$5" != give ] || chown -- "$4" "$new" || exit 1
    chmod --reference="$1" -- "$new" || exit 1
    [ ! -e /sys/fs/selinux/enforce ] || chcon --reference="$1" -- "$new" || exit 1
else
    [ "$(id -u)" != 0 ] || [ -z "$4" ] || chown -- "$4:" "$new" || exit 1
    chmod -- "$2" "$new" || exit 1
fi
sync -- "$new" && mv -fT -- "$new" "$1" && new= && sync -- "$directory"
'

put() {
    resolve "$1"
    may_change
    make_parents
    said=$(act sh -c "$replace" sh "$path" "$2" "$3" "$user" "$4" 2>&1)
    case $? in
    0) ;;
    9) finish cut ;;
    *) give_up "$said" ;;
    esac
}

is_old() {
    case $path in
    /etc/evenkeel/"$old_name$1" | /var/lib/evenkeel/"$old_name$1" | /run/evenkeel/"$old_name$1") ;;
    *) return 1 ;;
    esac
}

take_away() {
    resolve "$1"
    is_old "/${path##*/}" || may_change
    said=$(act rm -- "$path" 2>&1 && act sync -- "${path%/*}/" 2>&1) || give_up "$said"
}

# ---- programs that need more than the server's user may, where directories are root's ----

move() {
    resolve "$1"
    may_change
    from=$path first=$acting
    resolve "$2"
    may_change
    [ "$first" = root ] || acting=server
    act mv -T -- "$from" "$path"
    finish ok $?
}

make_directory() {
    resolve "$1"
    [ "$acting" = root ] || return 0
    may_change
    make_parents
    if [ ! -d "$path" ]; then
        said=$(mkdir -m 0750 -- "$path" 2>&1) || give_up "$said"
        [ -z "$user" ] || said=$(chown -- "$user:" "$path" 2>&1) || give_up "$said"
    fi
    finish ok 0
}

take_directory_away() {
    resolve "$1"
    is_old '' || may_change
    act rmdir -- "$path"
    finish ok $?
}

# ---- units ----

systemctl_says() {
    said=$(systemctl --no-pager "$@" 2>&1) || {
        printf '%s\n' "$said" >&2
        case $said in
        *'is masked'*) finish masked ;;
        esac
        finish systemctl
    }
}

drop_in() {
    [ -e "$1" ] && [ "$(cat -- "$1")" = "$2" ] && return 0
    said=$(mkdir -p -m 0755 -- "${1%/*}" 2>&1) || give_up "$said"
    printf '%s\n' "$2" | sh -c "$replace" sh "$1" 0644 $((${#2} + 1)) '' fresh || finish failed
    systemctl_says daemon-reload
}

no_drop_in() {
    [ -e "$1" ] || return 0
    said=$(rm -f -- "$1" 2>&1) || give_up "$said"
    systemctl_says daemon-reload
}

# The one command line of the unit as its files have it, our own drop-in left out.
written_command_line() {
    own= count=0 line='' before=
    systemctl_says cat -- "$unit"
    while IFS= read -r text; do
        case $text in
        *\\)
            before="$before${text%\\} "
            continue
            ;;
        esac
        text=$before$text before=
        case $text in
        '# /'*) [ "$text" = "# $1" ] && own=yes || own= ;;
        ExecStart=*)
            [ -z "$own" ] || continue
            line=${text#ExecStart=}
            count=$((count + 1))
            [ -n "$line" ] || count=0
            ;;
        esac
    done <<END
$said
END
    [ "$count" = 1 ] || finish command_lines "$count"
}

expansion=/etc/systemd/system/$unit.d/50-evenkeel.conf
patience=/run/systemd/system/$unit.d/50-evenkeel-stop.conf
mark=/var/lib/evenkeel/restarting/$unit

case $operation in
hello)
    command -v openssl >/dev/null || finish no_openssl
    command -v systemctl >/dev/null || finish no_systemd
    command -v flock >/dev/null || finish no_flock
    [ "$self" = 0 ] || finish not_root
    ;;
unit)
    shown=LoadState,ActiveState,MainPID,ExecStart,Environment,EnvironmentFiles
    said=$(systemctl --no-pager show --property="$shown" -- "$unit" 2>&1) || {
        printf '%s\n' "$said" >&2
        finish systemctl
    }
    printf '%s\n' "$said"
    while IFS='=' read -r key value; do
        [ "$key" = MainPID ] || continue
        [ ! -r "/proc/$value/stat" ] || printf 'stat=%s\n' "$(cat "/proc/$value/stat" 2>/dev/null)"
        [ ! -r "/proc/$value/cmdline" ] ||
            printf 'cmdline=%s\n' "$(tr '\000\n' '  ' <"/proc/$value/cmdline" 2>/dev/null)"
    done <<END
$said
END
    [ ! -e "$mark" ] || echo mark=yes
    read -r up rest </proc/uptime
    printf 'uptime=%s\nticks=%s\n' "$up" "$(getconf CLK_TCK 2>/dev/null || echo 100)"
    while read -r key value; do
        [ "$key" != btime ] || printf 'btime=%s\n' "$value"
    done </proc/stat
    ;;
servers)
    set +f
    set -- /proc/[0-9]*
    set -f
    for at; do
        IFS= read -r said 2>/dev/null <"$at/comm" || continue
        case $said in
        mongod*) ;;
        *) continue ;;
        esac
        said=$(tr '\000\n' '\n ' 2>/dev/null <"$at/cmdline")
        [ -n "$said" ] || continue
        printf 'pid=%s\nuser=%s\n' "${at#/proc/}" "$(stat -c %U -- "$at" 2>/dev/null)"
        while IFS= read -r text; do
            case $text/ in
            *.service/*)
                text=$text/
                text=${text%%.service/*}
                printf 'unit=%s.service\n' "${text##*/}"
                ;;
            esac
        done 2>/dev/null <"$at/cgroup"
        while IFS= read -r text; do
            printf 'argument=%s\n' "$text"
        done <<END
$said
END
    done
    ;;
content)
    argument
    said=$(as_server ls -A -- "$given" 2>/dev/null)
    [ -z "$said" ] || echo yes
    ;;
run)
    argument
    count=$given
    argument
    length=$given
    argument
    seconds=$given
    set --
    while [ "$count" -gt 0 ]; do
        argument
        set -- "$@" "$given"
        count=$((count - 1))
    done
    case "$# $*" in
    '5 mv -T -- '*) move "$4" "$5" ;;
    '6 mkdir -p -m 0750 -- '*) make_directory "$6" ;;
    '3 rmdir -- '*) take_directory_away "$3" ;;
    esac
    command -v "$1" >/dev/null || finish no_program
    if [ "$length" -gt 0 ]; then
        head -c "$length" | as_server timeout -s KILL "$seconds" "$@"
    else
        as_server timeout -s KILL "$seconds" "$@" </dev/null
    fi
    finish ok $?
    ;;
read)
    argument
    path=$given
    argument
    said=$(as_server stat -L -c '%.3Y %F' -- "$path" 2>&1) || give_up "$said"
    case $said in
    *' regular file' | *' regular empty file') ;;
    *) finish not_a_file ;;
    esac
    printf '%s\n' "${said%% *}"
    as_server head -c $((given + 1)) -- "$path" || finish failed
    ;;
tail)
    argument
    as_server tail -c 4096 -- "$given" 2>/dev/null
    ;;
write)
    argument
    path=$given
    argument
    mode=$given
    argument
    length=$given
    argument
    put "$path" "$mode" "$length" "$given"
    ;;
remove)
    argument
    take_away "$given"
    ;;
volatile)
    directory=/run/evenkeel
    [ "$(stat -f -c %T /run)" = tmpfs ] || finish not_in_memory
    said=$(mkdir -m 0755 -- "$directory" 2>&1) || [ -d "$directory" ] || give_up "$said"
    [ ! -L "$directory" ] && is_roots "$directory" || finish not_ours "$directory"
    directory=$directory/$name
    if mkdir -m 0700 -- "$directory" 2>/dev/null; then
        [ -z "$user" ] || said=$(chown -- "$user:" "$directory" 2>&1) || give_up "$said"
    fi
    said=$(stat -c '%u %a %F' -- "$directory" 2>&1) || give_up "$said"
    [ "$said" = "${server:-0} 700 directory" ] || finish not_ours "$directory"
    printf '%s\n' "$directory"
    ;;
begin)
    show MainPID
    value_of MainPID
    said="old pid $value${newline}begun $(date +%s)000"
    user=
    printf '%s\n' "$said" | put "$mark" 0644 $((${#said} + 1)) fresh
    ;;
start)
    argument
    if [ "$given" = expand ]; then
        written_command_line "$expansion"
        case $line in
        *--configExpand*) no_drop_in "$expansion" ;;
        *)
            drop_in "$expansion" "# By Evenkeel: the server reads its key's password by a command.
[Service]
ExecStart=
ExecStart=$line --configExpand exec"
            ;;
        esac
    else
        no_drop_in "$expansion"
    fi
    no_drop_in "$patience"
    systemctl --no-pager reset-failed -- "$unit" >/dev/null 2>&1 || :
    systemctl_says start -- "$unit"
    ;;
stop)
    drop_in "$patience" '# By Evenkeel, while it waits for this unit to stop.
[Service]
TimeoutStopSec=infinity'
    systemctl_says stop --no-block -- "$unit"
    ;;
stopped)
    no_drop_in "$patience"
    ;;
started)
    rm -f -- "$mark"
    ;;
fence)
    argument
    resolve "/var/lib/evenkeel/$name/fence"
    make_parents
    act sh -c '
    set -u
    while :; do
        exec 9<>"$1" || exit 1
        said=$(flock -w "$2" 9 2>&1) || {
            cat -- "$1"
            exit 8
        }
        [ "$(stat -L -c %d:%i /proc/self/fd/9)" != "$(stat -c %d:%i -- "$1" 2>/dev/null)" ] || break
    done
    cat -- "$1"
    printf "\n%s locked\n" "$3"
    line=$(head -c 160)
    [ ${#line} = 159 ] || exit 0
    printf "%s\n" "$line" >&9 && sync -- "$1" "${1%/*}/" || exit 1
    printf "\n%s held\n" "$3"
    cat >/dev/null' sh "$path" "$given" "$marker"
    case $? in
    0) ;;
    8) finish busy ;;
    *) finish failed ;;
    esac
    ;;
*) refuse "an unknown operation" ;;
esac
finish ok
