# bash completion for evenkeel, printed by: evenkeel help completion
_evenkeel()
{
    local word=${COMP_WORDS[COMP_CWORD]} words= files=
    local before=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]}
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        words="validate import plan apply run status verify show approve pause resume key history comment explain schema version help"
    else
    case $before in
    --git) files=yes ;;
    --revision) ;;
    --from) ;;
    --to) ;;
    --path) files=yes ;;
    --git-token-file) files=yes ;;
    --ssh-key-file) files=yes ;;
    --fleet) ;;
    -c | --config) files=yes ;;
    --interval) ;;
    --observe-every) ;;
    --rewritten-history) words="refuse accept" ;;
    --listen) ;;
    --traces) files=yes ;;
    --webhook-secret-file) files=yes ;;
    --clock) ;;
    --deployment) ;;
    --deployment) ;;
    --account) ;;
    -o | --out) files=yes ;;
    -o | --out) files=yes ;;
    --provider) words="hosts local" ;;
    --reach) words="ssh local" ;;
    --ssh-user) ;;
    --ssh-port) ;;
    --ssh-identity-file) files=yes ;;
    --ssh-known-hosts) files=yes ;;
    --ssh-config) files=yes ;;
    -u | --user) ;;
    --password-file) files=yes ;;
    --certificate-key-file) files=yes ;;
    --ca-file) files=yes ;;
    --timeout) ;;
    --token-file) files=yes ;;
    --status) words="none pending success failure" ;;
    --plan-status) ;;
    --description) ;;
    --context) ;;
    --target-url) files=yes ;;
    --forge) words="auto github gitlab gitea" ;;
    --forge-url) files=yes ;;
    --repository) ;;
    --pull-request) ;;
    --commit) ;;
    --ca-file) files=yes ;;
    --forge-timeout) ;;
    --sign-key) files=yes ;;
    --trusted-key) ;;
    --specs) ;;
    --for) ;;
    --reason) ;;
    --timeout) ;;
    --settle-timeout) ;;
    --lock-timeout) ;;
    --state-dir) files=yes ;;
    --store) files=yes ;;
    --store-password-file) files=yes ;;
    --store-ca-file) files=yes ;;
    --since) ;;
    --kind) ;;
    -n | --limit) ;;
    --secret-key-file) files=yes ;;
    --secret-key-command) ;;
    --interval) ;;
    --output) words="text json markdown" ;;
    --color) words="auto always never" ;;
    *)
        case $verb in
        validate) words=" --git --revision --path --git-token-file --ssh-key-file --deployment --state-dir --output --color --no-color --quiet --verbose --help" files=yes ;;
        import) words=" --deployment --account --out --force --check --provider --reach --ssh-user --ssh-port --ssh-identity-file --ssh-known-hosts --ssh-config --user --password-file --certificate-key-file --ca-file --timeout --state-dir --secret-key-file --secret-key-command --output --color --no-color --quiet --verbose --help" files= ;;
        plan) words=" --git --revision --from --to --path --git-token-file --ssh-key-file --fleet --config --deployment --out --sign-key --detailed-exitcode --state-dir --store --store-password-file --store-ca-file --secret-key-file --secret-key-command --output --color --no-color --quiet --verbose --help" files=yes ;;
        apply) words=" --git --revision --path --git-token-file --ssh-key-file --config --deployment --yes --outside-window --trusted-key --detailed-exitcode --timeout --settle-timeout --lock-timeout --state-dir --store --store-password-file --store-ca-file --secret-key-file --secret-key-command --output --color --no-color --quiet --verbose --help" files=yes ;;
        run) words=" --git --revision --path --git-token-file --ssh-key-file --config --interval --observe-every --rewritten-history --listen --traces --webhook-secret-file --once --clock --timeout --settle-timeout --state-dir --store --store-password-file --store-ca-file --secret-key-file --secret-key-command --output --color --no-color --quiet --verbose --help" files=yes ;;
        status) words=" --git --revision --path --git-token-file --ssh-key-file --deployment --state-dir --store --store-password-file --store-ca-file --secret-key-file --secret-key-command --watch --interval --output --color --no-color --quiet --verbose --help" files=yes ;;
        verify) words=" --git --revision --path --git-token-file --ssh-key-file --deployment --state-dir --secret-key-file --secret-key-command --output --color --no-color --quiet --verbose --help" files=yes ;;
        show) words=" --output --color --no-color --quiet --verbose --help" files= ;;
        approve) words=" --git --revision --path --git-token-file --ssh-key-file --config --yes --trusted-key --specs --state-dir --store --store-password-file --store-ca-file --secret-key-file --secret-key-command --output --color --no-color --quiet --verbose --help" files= ;;
        pause) words=" --git --revision --path --git-token-file --ssh-key-file --specs --for --reason --state-dir --store --store-password-file --store-ca-file --output --color --no-color --quiet --verbose --help" files= ;;
        resume) words=" --git --revision --path --git-token-file --ssh-key-file --specs --state-dir --store --store-password-file --store-ca-file --output --color --no-color --quiet --verbose --help" files= ;;
        key) words=" --output --color --no-color --quiet --verbose --help" files= ;;
        history) words=" --state-dir --store --store-password-file --store-ca-file --since --kind --limit --verify --output --color --no-color --quiet --verbose --help" files= ;;
        comment) words=" --fleet --token-file --status --plan-status --description --context --target-url --forge --forge-url --repository --pull-request --commit --ca-file --forge-timeout --output --color --no-color --quiet --verbose --help" files= ;;
        explain) words=" --output --color --no-color --quiet --verbose --help" files= ;;
        schema) words=" --log --reference --color --no-color --quiet --verbose --help" files= ;;
        version) words=" --output --color --no-color --quiet --verbose --help" files= ;;
        help) words=" --color --no-color --quiet --verbose --help validate import plan apply run status verify show approve pause resume key history comment explain schema version help exit-status man completion" files= ;;
        esac ;;
    esac
    fi
    [[ $files && $word != -* ]] && mapfile -t COMPREPLY < <(compgen -f -- "$word")
    [[ $word == -* || ! $files ]] &&
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
    return 0
}
complete -o filenames -F _evenkeel evenkeel
