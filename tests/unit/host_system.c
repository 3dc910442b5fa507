/* host "system" against a made-up systemd: a `systemctl` first on PATH that keeps a unit's
 * state in files, obeys drop-ins, and prints what the real one documents. */
#include "tests/unit/host_support.h"

#include "drivers/host/process.h"
#include "drivers/host/roots.h"
#include "drivers/host/system_unit.h"

static const struct ek_host_driver *sys;

static const char systemctl_script[] =
    "#!/usr/bin/python3\n"
    "import os, signal, subprocess, sys, time\n"
    "root = os.environ['PATH'].split(':')[0]\n"
    "words = [w for w in sys.argv[1:] if w != '--no-pager' and w != '--']\n"
    "open(root + '/calls', 'a').write(' '.join(words) + '\\n')\n"
    "def read(name):\n"
    "    try: return open(root + '/' + name).read()\n"
    "    except FileNotFoundError: return ''\n"
    "unit = words[-1]\n"
    "fragment = root + '/etc/' + unit\n"
    "drop_ins = [root + '/etc/' + unit + '.d/50-evenkeel.conf',\n"
    "            root + '/run/' + unit + '.d/50-evenkeel-stop.conf']\n"
    "files = [f for f in [fragment] + drop_ins if os.path.exists(f)]\n"
    "def pid():\n"
    "    p = int(read('pid') or 0)\n"
    "    try: state = open('/proc/%d/stat' % p).read().rsplit(')')[-1].split()[0]\n"
    "    except FileNotFoundError: return 0\n"
    "    return 0 if state == 'Z' else p\n"
    "verb = words[0]\n"
    "if verb == 'show':\n"
    "    known = os.path.exists(fragment)\n"
    "    print('LoadState=' + ('loaded' if known else 'not-found'))\n"
    "    print('ActiveState=' + ('active' if pid() else read('state') or 'inactive'))\n"
    "    print('MainPID=%d' % pid())\n"
    "    starts = [l[10:] for f in files for l in open(f).read().split('\\n')\n"
    "              if l.startswith('ExecStart=') and l[10:]]\n"
    "    if starts: print('ExecStart={ path=/x ; argv[]=%s ; ignore_errors=no }' % starts[-1])\n"
    "    print('Environment=' + read('environment'))\n"
    "elif verb == 'cat':\n"
    "    for f in files: print('# ' + f + '\\n' + open(f).read())\n"
    "elif verb == 'daemon-reload':\n"
    "    lines = ''.join(open(f).read() for f in "
    "[root + '/etc/mongod-test.service'] +\n"
    "        [root + '/etc/mongod-test.service.d/50-evenkeel.conf'] if os.path.exists(f))\n"
    "    starts = [l[10:] for l in lines.split('\\n') if l.startswith('ExecStart=')]\n"
    "    open(root + '/loaded', 'w').write(starts[-1])\n"
    "    stop = os.path.exists(root + "
    "'/run/mongod-test.service.d/50-evenkeel-stop.conf')\n"
    "    open(root + '/patient', 'w').write('yes' if stop else '')\n"
    "elif verb == 'start':\n"
    "    if read('state') == 'failed' : sys.exit(1)\n"
    "    line = read('loaded') or [l[10:] for l in open(fragment).read().split('\\n')\n"
    "                              if l.startswith('ExecStart=')][-1]\n"
    "    out = open(root + '/server.out', 'a')\n"
    "    p = subprocess.Popen(line.split(), stdout=out, stderr=out, start_new_session=True)\n"
    "    open(root + '/pid', 'w').write(str(p.pid))\n"
    "    open(root + '/state', 'w').write('')\n"
    "elif verb == 'stop':\n"
    "    if not read('patient'): sys.exit('systemd would kill it')\n"
    "    if pid(): os.kill(pid(), signal.SIGTERM)\n"
    "elif verb == 'reset-failed':\n"
    "    open(root + '/state', 'w').write('')\n"
    "else: sys.exit(1)\n";

struct machine {
    struct place *place;
    char etc[96], run[96], marks[96], fragment[128], drop_in[192], stop_drop_in[192], calls[96];
    struct ek_host_roots roots;
    char *old_path;
};

static int machine_setup(void **state)
{
    void *place = NULL;
    char text[512];
    const char *path = getenv("PATH");
    if (!path || place_setup(&place) != 0)
        return -1;
    struct machine *machine = calloc(1, sizeof *machine);
    machine->place = place;
    const char *directory = machine->place->directory;
    snprintf(machine->etc, sizeof machine->etc, "%s/etc", directory);
    snprintf(machine->run, sizeof machine->run, "%s/run", directory);
    snprintf(machine->marks, sizeof machine->marks, "%s/marks", directory);
    snprintf(machine->calls, sizeof machine->calls, "%s/calls", directory);
    snprintf(machine->fragment, sizeof machine->fragment, "%s/mongod-test.service", machine->etc);
    snprintf(machine->drop_in, sizeof machine->drop_in, "%s.d/50-evenkeel.conf", machine->fragment);
    snprintf(machine->stop_drop_in, sizeof machine->stop_drop_in,
             "%s/mongod-test.service.d/50-evenkeel-stop.conf", machine->run);
    machine->roots = ek_host_roots();
    machine->roots.systemd = machine->etc;
    machine->roots.systemd_runtime = machine->run;
    machine->roots.restarting = machine->marks;
    ek_host_roots_override(&machine->roots);
    WORKS(ek_directory_make(machine->etc, 0755, &err));
    snprintf(text, sizeof text, "%s/systemctl", directory);
    must_write(text, systemctl_script, 0755);
    snprintf(text, sizeof text, "[Unit]\nDescription=x\n[Service]\nExecStart=%s --config %s\n",
             machine->place->server, machine->place->configuration);
    must_write(machine->fragment, text, 0644);
    machine->old_path = strdup(path);
    snprintf(text, sizeof text, "%s:%s", directory, machine->old_path);
    setenv("PATH", text, 1);
    *state = machine;
    return 0;
}

static int machine_teardown(void **state)
{
    struct machine *machine = *state;
    void *place = machine->place;
    setenv("PATH", machine->old_path, 1);
    ek_host_roots_override(NULL);
    free(machine->old_path);
    free(machine);
    return place_teardown(&place);
}

static struct ek_host_facts facts_of(const struct machine *machine)
{
    struct ek_host_facts facts = {0};
    WORKS(sys->facts(&machine->place->host, SOON, &facts, &err));
    return facts;
}

static void a_unit_is_started_and_stopped_by_systemd(void **state)
{
    struct machine *machine = *state;
    assert_false(facts_of(machine).running);
    int64_t before = ek_wall_ms();
    WORKS(sys->service(&machine->place->host, EK_SERVICE_START, false, SOON, &err));
    struct ek_host_facts facts = facts_of(machine);
    assert_true(facts.running);
    assert_true(facts.started_ms > before - 2000);
    bool serves = false;
    assert_int_equal(
        ek_process_serves((pid_t)facts.pid, machine->place->configuration, &serves, NULL), 0);
    assert_true(serves);
    assert_int_not_equal(access(machine->drop_in, F_OK), 0); /* made only when needed */
    FAILS(sys->service(&machine->place->host, EK_SERVICE_START, false, SOON, &err), EK_EXISTS,
          "EK-0402");
    WORKS(sys->service(&machine->place->host, EK_SERVICE_STOP, false, SOON, &err));
    assert_false(facts_of(machine).running);
    assert_int_not_equal(access(machine->stop_drop_in, F_OK), 0);
}

static void add_to_unit(const struct machine *machine, const char *words)
{
    char text[512];
    snprintf(text, sizeof text, "[Service]\nExecStart=%s --config %s%s\n", machine->place->server,
             machine->place->configuration, words);
    must_write(machine->fragment, text, 0644);
}

static void what_the_unit_says_next_time(void **state)
{
    struct machine *machine = *state;
    char path[160];
    WORKS(sys->service(&machine->place->host, EK_SERVICE_START, true, SOON, &err));
    assert_string_equal(facts_of(machine).options.lost, "");
    assert_string_equal(facts_of(machine).options.added, "");
    WORKS(sys->service(&machine->place->host, EK_SERVICE_STOP, false, SOON, &err));
    assert_int_equal(unlink(machine->drop_in), 0);
    snprintf(path, sizeof path, "%s/loaded", machine->place->directory);
    assert_int_equal(unlink(path), 0); /* systemd reads the unit again */
    add_to_unit(machine, " --replSet rs0");
    WORKS(sys->service(&machine->place->host, EK_SERVICE_START, false, SOON, &err));
    assert_string_equal(facts_of(machine).options.lost, "");
    assert_string_equal(facts_of(machine).options.kept, "replication.replSetName");
    add_to_unit(machine, " $OPTIONS");
    assert_string_equal(facts_of(machine).options.lost, "--replSet rs0");
    snprintf(path, sizeof path, "%s/environment", machine->place->directory);
    must_write(path, "\"OPTIONS=--replSet rs0 --auth\"", 0644);
    assert_string_equal(facts_of(machine).options.lost, "");
    assert_string_equal(facts_of(machine).options.added, "--auth");
    must_write(machine->fragment, "[Service]\n", 0644);
    assert_non_null(strstr(facts_of(machine).options.lost, "could not be read"));
}

static void a_restart_changes_the_process_and_clears_its_mark(void **state)
{
    struct machine *machine = *state;
    WORKS(sys->service(&machine->place->host, EK_SERVICE_START, false, SOON, &err));
    int64_t old = facts_of(machine).pid;
    WORKS(sys->service(&machine->place->host, EK_SERVICE_RESTART, false, SOON, &err));
    struct ek_host_facts facts = facts_of(machine);
    assert_true(facts.running);
    assert_int_not_equal(facts.pid, old);
    assert_false(facts.restart_begun);
    char mark[160];
    snprintf(mark, sizeof mark, "%s/mongod-test.service", machine->marks);
    assert_int_not_equal(access(mark, F_OK), 0);
}

static void a_server_that_ends_at_once_is_said_and_marked(void **state)
{
    struct machine *machine = *state;
    char log[160];
    char text[256];
    snprintf(log, sizeof log, "%s/server.out", machine->place->directory);
    snprintf(text, sizeof text, "systemLog:\n  path: %s\n", log);
    must_write(machine->place->configuration, text, 0600);
    WORKS(sys->service(&machine->place->host, EK_SERVICE_START, false, SOON, &err));
    snprintf(text, sizeof text, "[Service]\nExecStart=/bin/sh -c true\n");
    must_write(machine->fragment, text, 0644);
    FAILS(sys->service(&machine->place->host, EK_SERVICE_RESTART, false, SOON, &err), EK_CONFLICT,
          "EK-0404");
    assert_non_null(strstr(err.cause, "argv --config"));
    struct ek_host_facts facts = facts_of(machine);
    assert_false(facts.running);
    assert_true(facts.restart_begun);
}

static void expansion_is_a_drop_in_made_only_when_needed(void **state)
{
    struct machine *machine = *state;
    char wanted[512];
    WORKS(sys->service(&machine->place->host, EK_SERVICE_START, true, SOON, &err));
    char *text = text_of(machine->drop_in);
    snprintf(wanted, sizeof wanted,
             "# By Evenkeel: the server reads its key's password by a command.\n[Service]\n"
             "ExecStart=\nExecStart=%s --config %s --configExpand exec\n",
             machine->place->server, machine->place->configuration);
    assert_string_equal(text, wanted);
    free(text);
    char path[128];
    snprintf(path, sizeof path, "%s/server.out", machine->place->directory);
    text = text_of(path);
    assert_non_null(strstr(text, "--configExpand exec"));
    free(text);
    /* once more: the drop-in is not stacked upon itself */
    WORKS(sys->service(&machine->place->host, EK_SERVICE_RESTART, true, SOON, &err));
    text = text_of(machine->drop_in);
    assert_string_equal(text, wanted);
    free(text);
    WORKS(sys->service(&machine->place->host, EK_SERVICE_RESTART, false, SOON, &err));
    assert_int_not_equal(access(machine->drop_in, F_OK), 0);
}

static void a_unit_that_expands_already_is_left_alone(void **state)
{
    struct machine *machine = *state;
    char text[512];
    snprintf(text, sizeof text, "[Service]\nExecStart=%s --config %s --configExpand exec\n",
             machine->place->server, machine->place->configuration);
    must_write(machine->fragment, text, 0644);
    WORKS(sys->service(&machine->place->host, EK_SERVICE_START, true, SOON, &err));
    assert_int_not_equal(access(machine->drop_in, F_OK), 0);
}

static void unknown_units_and_missing_systemd_are_said(void **state)
{
    struct machine *machine = *state;
    struct ek_host host = machine->place->host;
    struct ek_host_facts facts = {0};
    host.unit = "no-such.service";
    FAILS(sys->facts(&host, SOON, &facts, &err), EK_NOT_FOUND, "EK-0417");
    setenv("PATH", "/nonexistent", 1);
    FAILS(sys->facts(&machine->place->host, SOON, &facts, &err), EK_NOT_FOUND, "EK-0406");
}

static void a_stop_past_its_deadline_kills_nobody(void **state)
{
    struct machine *machine = *state;
    char text[512];
    snprintf(text, sizeof text,
             "[Service]\nExecStart=/usr/bin/env TEST_SERVER=stubborn %s --config %s\n",
             machine->place->server, machine->place->configuration);
    must_write(machine->fragment, text, 0644);
    WORKS(sys->service(&machine->place->host, EK_SERVICE_START, false, SOON, &err));
    int64_t pid = facts_of(machine).pid;
    int64_t deadline = SOON;
    while (!ek_process_listens((pid_t)pid) && ek_time_left_ms(deadline) > 0)
        ek_sleep_ms(5);
    FAILS(
        sys->service(&machine->place->host, EK_SERVICE_STOP, false, ek_monotonic_ms() + 1500, &err),
        EK_TIMEOUT, "EK-0405");
    assert_int_equal(facts_of(machine).pid, pid);
    assert_int_equal(access(machine->stop_drop_in, F_OK), 0); /* systemd still waits */
}

static void the_command_line_is_read_as_systemd_does(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wanted; /* NULL: refused */
    } rows[] = {
        {"# /lib/u\n[Service]\nExecStart=/usr/bin/mongod --config /etc/mongod.conf\n",
         "/usr/bin/mongod --config /etc/mongod.conf"},
        {"# /lib/u\nExecStart=/a\n\n# /etc/u.d/10.conf\nExecStart=\nExecStart=/b \"c d\"\n",
         "/b \"c d\""},
        {"# /lib/u\nExecStart = /a \\\n  --x\n", "/a    --x"},
        {"# /lib/u\nExecStart=/a\n# /own\nExecStart=\nExecStart=/a --configExpand exec\n", "/a"},
        {"# /lib/u\nExecStart=/a\n# /own\nExecStart=\n# /etc/u.d/z\nEnvironment=A=1\n", "/a"},
        {"# /lib/u\nExecStart=/a\nExecStart=/b\n", NULL},
        {"# /lib/u\nExecStartPre=/x\n", NULL},
        {"# /lib/u\nExecStart=/a\nExecStart=\n", NULL},
        {"# /lib/u\n# ExecStart=/x\nExecStartPre=/y\nExecStart=/a\n", "/a"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        EK_BUFFER line = {0};
        if (!rows[i].wanted) {
            FAILS(ek_unit_command_line(rows[i].text, "/own", &line, &err), EK_UNSUPPORTED,
                  "EK-0418");
            continue;
        }
        WORKS(ek_unit_command_line(rows[i].text, "/own", &line, &err));
        assert_string_equal(ek_buffer_text(&line), rows[i].wanted);
    }
}

#define ON_MACHINE(test) cmocka_unit_test_setup_teardown(test, machine_setup, machine_teardown)

int main(void)
{
    sys = ek_host_driver_named("system");
    const struct CMUnitTest tests[] = {
        ON_MACHINE(a_unit_is_started_and_stopped_by_systemd),
        ON_MACHINE(what_the_unit_says_next_time),
        ON_MACHINE(a_restart_changes_the_process_and_clears_its_mark),
        ON_MACHINE(a_server_that_ends_at_once_is_said_and_marked),
        ON_MACHINE(expansion_is_a_drop_in_made_only_when_needed),
        ON_MACHINE(a_unit_that_expands_already_is_left_alone),
        ON_MACHINE(unknown_units_and_missing_systemd_are_said),
        ON_MACHINE(a_stop_past_its_deadline_kills_nobody),
        cmocka_unit_test(the_command_line_is_read_as_systemd_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
