# Evenkeel: the front door. `make help` lists what can be asked for.

ifeq ($(origin CC),default)
CC := gcc
endif
PYTHON ?= /usr/bin/python3
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
MONGOD ?=

PACKAGES := libmongoc-1.0 libbson-1.0 openssl yaml-0.1 libgit2 jansson sqlite3 libcurl libmicrohttpd glib-2.0
VERSION := 0.1.0

WARNINGS := -Wall -Wextra -Wshadow -Wvla -Wconversion -Werror
HARDENING := -fstack-protector-strong -fPIE -fvisibility=hidden
OPTIMISATION ?= -O2 -D_FORTIFY_SOURCE=2
LINK_HARDENING := -pie -Wl,-z,relro -Wl,-z,now
SANITIZE ?=

# Arguments of steps are structs in an array of bytes, which is copied with the step: to a compiler that goes
# by types the two have nothing to do with each other (tests/unit/law_guards.c).
ALL_CFLAGS = -std=gnu17 -fno-strict-aliasing -D_GNU_SOURCE -I. -DEK_VERSION='"$(VERSION)"' -g -pthread $(OPTIMISATION) $(WARNINGS) \
	$(HARDENING) $(SANITIZE) $(PACKAGE_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = -pthread $(LINK_HARDENING) $(SANITIZE) $(LDFLAGS)
# Asked anew for each command: on a fresh machine the packages arrive while make runs.
PACKAGE_CFLAGS = $(shell pkg-config --cflags $(PACKAGES) | sed 's/-I/-isystem /g')
PACKAGE_LIBS = $(shell pkg-config --libs $(PACKAGES))

CORE_SOURCES := $(wildcard reconciler/*.c reconciler/kernel/*.c reconciler/laws/*.c reconciler/laws/*/*.c reconciler/aspects/*/*.c)
LIBRARY_SOURCES := $(CORE_SOURCES) $(wildcard reconciler/base/*.c specs/*.c drivers/*/*.c) \
	$(wildcard reconciler/execute/*.c reconciler/document/*.c reconciler/report/*.c reconciler/catalogue/*.c) \
	$(wildcard reconciler/consent/*.c reconciler/lease/*.c reconciler/loop/*.c reconciler/import/*.c)
COMMAND_SOURCES := $(wildcard reconciler/command/*.c)
STANDIN_SOURCES := $(wildcard tests/standin/*.c)
LEASES_SOURCES := $(wildcard tests/leases/*.c)
BENCH_SOURCES := $(wildcard tests/bench/*.c)
MODEL_SOURCES := $(wildcard tests/model/*.c)
CLIENT_SOURCES := $(wildcard tests/clients/*.c)
UNIT_SOURCES := $(wildcard tests/unit/*.c)
UNIT_TESTS := $(UNIT_SOURCES:tests/unit/%.c=$(BUILD)/unit/%)
SOURCES := $(LIBRARY_SOURCES) $(COMMAND_SOURCES) $(STANDIN_SOURCES) $(MODEL_SOURCES) $(LEASES_SOURCES) $(BENCH_SOURCES) $(CLIENT_SOURCES) $(UNIT_SOURCES)
SANITIZED := BUILD=$(BUILD)/sanitized SANITIZE="-fsanitize=address,undefined -fno-sanitize-recover=all" \
	OPTIMISATION="-O1 -fno-omit-frame-pointer -Wno-maybe-uninitialized"

# V=1 shows whole commands.
ifeq ($(V),)
quiet = @echo '  $(1) $@';
endif

object = $(patsubst %.c,$(BUILD)/objects/%.o,$(1))

MAKEFLAGS += --no-print-directory
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc)
endif

.PHONY: all
all: $(BUILD)/evenkeel $(BUILD)/mongod-standin $(BUILD)/contender

.PHONY: help
help:
	@echo 'make              build $(BUILD)/evenkeel and the stand-in server'
	@echo 'make demo         three servers in a sandbox, taken through every sslMode while clients write'
	@echo 'make demo HOSTS=ssh  the same on three machines with a systemd each, reached by SSH (as root)'
	@echo 'make check        every test; the last line says how many passed and failed; what samples takes what time'
	@echo '                  there is: MINUTES=n to aim at on a quick machine (20), MOST_MINUTES=n on any (72)'
	@echo 'make check-all    that, and everything that takes longer and samples nothing: mutation, chaos, crashes, leases,'
	@echo '                  torture, torture-leaks, standin-mutation, hazards, clients, conformance, model, bench; hours; SUITES=chaos,…'
	@echo 'make unit         unit tests, with sanitizers'
	@echo 'make toy          add an aspect by its folders and two lines, and plan with it'
	@echo 'make integration  whole-program tests in the sandbox; T=name for some of them'
	@echo 'make machines     the same on machines with systemd, sshd and sudo (as root); T=name for some of them'
	@$(if $(MODEL_SOURCES),echo 'make model        walk every state of small fleets and hold the planner against the laws')
	@echo 'make golden-accept  write the golden plans anew; read the difference before it is committed'
	@echo 'make conformance  hold the stand-in (or MONGOD=) against recordings of a real server; ONLY=01,05'
	@echo 'make real         all that can be tried on a real server (MONGOD=), and one table of it; SUITES=demo,…, MINUTES=n'
	@echo 'make clients      real clients (PyMongo, Node, mongosh, libmongoc, mongodump) against every version played; T=name'
	@echo 'make crashes      members of stand-in sets lose power thousands of times; nothing acknowledged is lost'
	@echo 'make leases       processes fight for leases while they are frozen and killed; ROUNDS=n, SEED=n'
	@echo 'make fuzz         parsers of messages, observations, plan files, specs, webhooks and comments, SECONDS=60 each; TARGET=one'
	@echo 'make lint         clang-format, the rules of tests/sources, and clang-tidy with its compiler'
	@echo 'make rules        who may include whom, how large files and functions may be'
	@echo 'make syntax       clang reads every source'
	@echo 'make format       clang-format, in place'
	@echo 'make bench        time validate on large trees; what each change costs, next to its floor;'
	@echo '                  then bench-fleet; bench-changes: the second part alone'
	@echo 'make bench-fleet  a hundred deployments kept by one evenkeel run; COUNT=n, KILLS=n'
	@echo 'make mutation     change each rule in turn and see that a test notices'
	@echo 'make standin-mutation  break the stand-in in turn and see that a test notices'
	@echo 'make gitea        build a real Gitea (needs Go) and hold comments and statuses against it'
	@echo 'make act          run the templates of contrib/ci in act (needs Go)'
	@echo 'make hazards      leave out the rule against each known hazard and see its test fail; ONLY=name'
	@echo 'make chaos        kill apply at a thousand points; POINTS=n, SEED=n'
	@echo 'make torture      make every call of validate, plan and apply fail once; OUT_OF=n, SEED=n, MINUTES=n'
	@echo 'make torture-leaks the same with a build that notices leaks'
	@echo 'make install      to PREFIX (now $(PREFIX)), below DESTDIR'
	@echo 'make manual       contrib/man, contrib/completions and the schema of the log anew, from the tables'
	@echo 'make clean        remove $(BUILD)'
	@echo 'MONGOD=/path/to/mongod with demo, check, integration or clients: a real server instead of the stand-in.'

$(BUILD)/objects/%.o: %.c | dependencies
	@mkdir -p $(@D)
	$(call quiet,compile)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

# The text that goes to hosts is part of this object.
$(call object,drivers/host/ssh_helper.c): drivers/host/ssh_helper.sh

$(BUILD)/libevenkeel.a: $(call object,$(LIBRARY_SOURCES))
	@rm -f $@
	$(call quiet,archive)$(AR) rcs $@ $^

$(BUILD)/evenkeel: $(call object,$(COMMAND_SOURCES)) $(BUILD)/libevenkeel.a
	$(call quiet,link   )$(CC) $(ALL_LDFLAGS) $^ $(PACKAGE_LIBS) -o $@

$(BUILD)/mongod-standin: $(call object,$(STANDIN_SOURCES))
	$(call quiet,link   )$(CC) $(ALL_LDFLAGS) $^ $(PACKAGE_LIBS) -o $@

$(BUILD)/model: $(call object,$(MODEL_SOURCES)) $(BUILD)/libevenkeel.a
	$(call quiet,link   )$(CC) $(ALL_LDFLAGS) $^ $(PACKAGE_LIBS) -o $@

$(BUILD)/contender: $(call object,$(LEASES_SOURCES)) $(BUILD)/libevenkeel.a
	$(call quiet,link   )$(CC) $(ALL_LDFLAGS) $^ $(PACKAGE_LIBS) -o $@

$(BUILD)/fill_store: $(call object,$(BENCH_SOURCES)) $(BUILD)/libevenkeel.a
	$(call quiet,link   )$(CC) $(ALL_LDFLAGS) $^ $(PACKAGE_LIBS) -o $@

# The world of the executor's tests is their own.
$(BUILD)/unit/execute_loop: LDFLAGS += -Wl,--wrap=ek_observe,--wrap=ek_act

$(BUILD)/unit/%: $(BUILD)/objects/tests/unit/%.o $(BUILD)/libevenkeel.a
	@mkdir -p $(@D)
	$(call quiet,link   )$(CC) $(ALL_LDFLAGS) $< $(BUILD)/libevenkeel.a $(PACKAGE_LIBS) -lcmocka -o $@

# Its allocations can be refused.
$(BUILD)/unit/memory_refused: LDFLAGS += -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=reallocarray,--wrap=strdup,--wrap=strndup

# Recordings of a real server, replayed; RECORDINGS=directory for others than tests/conformance/recordings.
.PHONY: conformance
conformance: $(if $(MONGOD),,$(BUILD)/mongod-standin) | dependencies
	@BUILD=$(BUILD) tests/sandbox/enter $(PYTHON) tests/conformance/conformance.py \
		$(if $(RECORDINGS),--recordings "$(abspath $(RECORDINGS))") $(if $(ONLY),--only "$(ONLY)")

# What comes from outside, fed with anything for SECONDS each; make check replays tests/fuzz/corpus.
# TARGET=wire (the stand-in's messages), observed, plan_file, specs, webhook or comment: that one only.
FUZZ_TARGETS := wire observed plan_file specs webhook comment
FUZZED := CC=clang BUILD=$(BUILD)/fuzzed SANITIZE="-fsanitize=fuzzer-no-link,address,undefined" \
	OPTIMISATION="-O1 -fno-omit-frame-pointer"
FUZZ_wire := tests/standin/wire.c tests/standin/util.c
FUZZ_observed := tests/model/cases.c
FUZZ_plan_file := tests/model/cases.c
FUZZ_SEEDS_observed := $(wildcard tests/golden/*/observed.json)
FUZZ_SEEDS_plan_file := $(wildcard tests/golden/*/plan.json)
FUZZ_SEEDS_comment := $(wildcard tests/golden/*/plan.md)
FUZZ_SEEDS_specs := $(wildcard tests/golden/*/spec.yaml)
.PHONY: fuzz $(FUZZ_TARGETS:%=fuzz-%)
fuzz: $(or $(TARGET:%=fuzz-%),$(FUZZ_TARGETS:%=fuzz-%))

$(FUZZ_TARGETS:%=fuzz-%): fuzz-%: | dependencies
	@+$(MAKE) $(FUZZED) $(BUILD)/fuzzed/libevenkeel.a
	@mkdir -p $(BUILD)/fuzz/$*-found
	@clang $(ALL_CFLAGS) -fsanitize=fuzzer,address,undefined tests/fuzz/$*.c $(FUZZ_$*) \
		$(BUILD)/fuzzed/libevenkeel.a $(PACKAGE_LIBS) -o $(BUILD)/fuzz/$*
	@$(foreach file,$(FUZZ_SEEDS_$*),cp $(file) $(BUILD)/fuzz/$*-found/$(subst /,-,$(file));)
	@$(BUILD)/fuzz/$* -max_total_time=$(or $(SECONDS),60) -max_len=65536 -artifact_prefix=$(BUILD)/fuzz/$*- \
		$(BUILD)/fuzz/$*-found tests/fuzz/corpus/$*

# After a change to what goes to hosts: contrib/sudoers allows that very text.
.PHONY: sudoers
sudoers:
	@length=$$(($$(wc -c <drivers/host/ssh_helper.sh) - 1)); \
	digest=$$(head -c $$length drivers/host/ssh_helper.sh | sha256sum | cut -c -64); \
	sed -i -E "/^Cmnd_Alias/{s/head -c [0-9]+/head -c $$length/; s/[0-9a-f]{64}/$$digest/}" contrib/sudoers

# What the alert rules and the dashboard are tested with.
$(BUILD)/promtool: | dependencies
	@tests/promtool $@

# Thousands of power losses while clients write.
.PHONY: crashes
crashes: $(BUILD)/mongod-standin
	@tests/sandbox/enter $(PYTHON) tests/crashes/crashes.py --crashes 3000 --seconds 600 $(if $(SEED),--seed $(SEED))

# Processes that fight for leases over each kind of store, while they are frozen, killed, and their clocks set.
.PHONY: leases
leases: $(BUILD)/mongod-standin $(BUILD)/contender
	@for store in sqlite mongodb; do \
		tests/sandbox/enter $(PYTHON) tests/leases/leases.py --store $$store --rounds $(or $(ROUNDS),1000) \
			$(if $(SEED),--seed $(SEED)) || exit 1; \
	done

# Debian packages that are missing are installed; everything that is compiled waits for that.
.PHONY: dependencies
dependencies:
	@contrib/install-deps

CHECK = $(PYTHON) tests/check.py --build $(BUILD) --make "$(MAKE)" $(if $(MONGOD),--mongod "$(MONGOD)")

# A toy aspect is added to a copy of the sources by its folders and a line in each list, and planned with.
.PHONY: toy toy-as-built
toy: dependencies
	@+$(MAKE) $(SANITIZED) toy-as-built

toy-as-built: export TOY_COMPILE = $(CC) $(ALL_CFLAGS)
toy-as-built: export TOY_LINK = $(ALL_LDFLAGS) $(PACKAGE_LIBS)
toy-as-built: $(BUILD)/libevenkeel.a
	@$(PYTHON) tests/aspect/toy.py --build $(BUILD)

.PHONY: demo check check-all unit integration machines model lint syntax format bench install manual clean unit-programs sanitized
demo: all
	@$(PYTHON) tests/sandbox/enter $(if $(filter ssh,$(HOSTS)),--root) $(PYTHON) tests/sandbox/demo.py --build $(BUILD) \
		$(if $(HOSTS),--hosts $(HOSTS)) $(if $(MONGOD),--mongod "$(MONGOD)")

check: dependencies
	@$(CHECK) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(MOST_MINUTES),--most-minutes $(MOST_MINUTES))

check-all: dependencies
	@$(PYTHON) tests/check_all.py --build $(BUILD) --make "$(MAKE)" $(if $(MONGOD),--mongod "$(MONGOD)") $(if $(SUITES),--only "$(SUITES)")

# Everything that can be tried on a real server, and one table of it; SUITES=demo,chaos: some.
.PHONY: real
real: all
	@$(PYTHON) tests/real.py --build $(BUILD) --make "$(MAKE)" --mongod "$(MONGOD)" $(if $(MINUTES),--minutes $(MINUTES)) \
		$(if $(SUITES),--only "$(SUITES)")

unit: dependencies
	@$(CHECK) --only unit

integration: all
	@$(CHECK) --only integration $(if $(T),--select "$(T)")

machines: all
	@$(CHECK) --only machines $(if $(T),--select "$(T)")

# The golden plans anew, from what the sources make of them now; read the difference.
.PHONY: golden-accept
golden-accept: $(BUILD)/unit/report_golden $(BUILD)/evenkeel
	@EK_GOLDEN_ACCEPT=1 $(BUILD)/unit/report_golden >/dev/null 2>&1 || $(BUILD)/unit/report_golden
	@$(PYTHON) tests/golden/table.py --build $(BUILD) --write
	@git --no-pager diff --stat -- tests/golden
	@echo 'Read it before you commit it: git diff tests/golden'

# Real clients, installed below $(BUILD)/clients when they are missing there.
.PHONY: clients
clients: all
	@$(CHECK) --only clients $(if $(T),--select "$(T)")

$(BUILD)/clients/libmongoc: tests/clients/client.c | dependencies
	@mkdir -p $(@D)
	$(call quiet,link   )$(CC) $(ALL_CFLAGS) $< $(ALL_LDFLAGS) $(PACKAGE_LIBS) -o $@

model: $(if $(MODEL_SOURCES),$(BUILD)/model)
	@$(if $(MODEL_SOURCES),$(BUILD)/model --all,echo 'There is no model checker yet.')

unit-programs: $(UNIT_TESTS)

sanitized: dependencies
	@+$(MAKE) $(SANITIZED) unit-programs

# Every source once more, with clang's eyes.
syntax: $(SOURCES:%=%.syntax) $(patsubst %,%.syntax,$(wildcard tests/fuzz/*.c))
%.c.syntax: dependencies
	@clang $(ALL_CFLAGS) -fsyntax-only $*.c

# Layout, and what clang and the checks of .clang-tidy say of each file that has changed since they had nothing to say.
OUR_FILES = git ls-files --cached --others --exclude-standard
ifneq ($(filter lint,$(MAKECMDGOALS)),)
MAKEFLAGS += --keep-going --output-sync
LINTED := $(filter-out tests/aspect/%,$(shell $(OUR_FILES) '*.c'))
endif
lint: layout rules $(LINTED:%=$(BUILD)/tidy/%.ok)

# Who may include whom, how large files and functions may be: tests/sources.
.PHONY: rules
rules:
	@$(PYTHON) tests/sources/rules.py

.PHONY: layout
layout: dependencies
	@clang-format --dry-run -Werror $$($(OUR_FILES) '*.c' '*.h')

$(BUILD)/tidy/%.ok: % .clang-tidy | dependencies
	@mkdir -p $(@D)
	@said=$$(clang-tidy --quiet $< -- $(ALL_CFLAGS) 2>&1) || { echo "$$said"; exit 1; }
	@clang $(ALL_CFLAGS) -MM -MP -MT $@ -MF $(@:.ok=.d) $<
	@touch $@

format:
	@clang-format -i $$(git ls-files '*.c' '*.h')

bench: all $(BUILD)/fill_store
	@$(PYTHON) tests/bench/bench_validate.py --build $(BUILD)
	@$(PYTHON) tests/bench/bench_history.py --build $(BUILD)
	@$(MAKE) --no-print-directory bench-changes bench-fleet

# What each kind of change costs, next to its floor.
.PHONY: bench-changes
bench-changes: all
	@$(PYTHON) tests/sandbox/enter $(PYTHON) tests/bench/bench_changes.py --build $(BUILD)

# Comments and statuses against a real Gitea, built from its source.
.PHONY: gitea
gitea: all
	@GITEA=$$(tests/sandbox/build-gitea "$(abspath $(BUILD))/gitea") && export GITEA && \
		$(CHECK) --only integration --select test_comment

# The workflows of contrib/ci in act, a runner that others wrote.
.PHONY: act
act: all
	@test -x "$(BUILD)/act/act" || GOBIN="$(abspath $(BUILD))/act" go install github.com/nektos/act@v0.2.82
	@ACT="$(abspath $(BUILD))/act/act" $(CHECK) --only integration --select ci_templates

# A hundred deployments kept by one process; COUNT=n, KILLS=n, SEED=n.
.PHONY: bench-fleet
bench-fleet: all
	@$(PYTHON) tests/sandbox/enter $(PYTHON) tests/bench/bench_fleet.py --build $(BUILD) \
		$(if $(COUNT),--count $(COUNT)) $(if $(KILLS),--kills $(KILLS)) $(if $(SEED),--seed $(SEED))

# Every mutant of the rules is killed by a fast test, or is told in tests/mutation/survivors.txt.
.PHONY: mutation chaos torture torture-leaks
mutation: $(BUILD)/libevenkeel.a
	@$(PYTHON) tests/mutation/run.py --build $(BUILD) $(if $(SAMPLE),--sample $(SAMPLE))

# The stand-in broken on purpose, and which of its tests notice (half an hour; ONLY=tls.c for a part).
.PHONY: standin-mutation
standin-mutation: $(BUILD)/evenkeel
	@$(PYTHON) tests/mutation/standin.py --build $(BUILD) $(if $(ONLY),--only "$(ONLY)")
# Each hazard's test fails once the rule against it is left out.
.PHONY: hazards
hazards: all
	@$(PYTHON) tests/mutation/hazards.py --build $(BUILD) $(if $(ONLY),--only "$(ONLY)")

chaos: all
	@$(PYTHON) tests/sandbox/enter $(PYTHON) tests/sandbox/chaos.py --build $(BUILD) $(if $(POINTS),--points $(POINTS)) $(if $(SEED),--seed $(SEED))

$(BUILD)/fail_call.so: tests/torture/fail_call.c tests/torture/calls.def | dependencies
	@mkdir -p $(@D)
	$(call quiet,link   )$(CC) -std=gnu17 -D_GNU_SOURCE -I. $(PACKAGE_CFLAGS) -O1 -g -fno-optimize-sibling-calls -fno-omit-frame-pointer \
		$(WARNINGS) -fPIC -shared $< -o $@

torture: all $(BUILD)/fail_call.so
	@$(PYTHON) tests/sandbox/enter $(PYTHON) tests/torture/torture.py --build $(BUILD) $(if $(MOST),--most $(MOST)) \
		$(if $(OUT_OF),--out-of $(OUT_OF)) $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES))

# The same with a build that notices leaks and bad accesses.
torture-leaks: all $(BUILD)/fail_call.so
	@+$(MAKE) $(SANITIZED) $(BUILD)/sanitized/evenkeel
	@$(PYTHON) tests/sandbox/enter $(PYTHON) tests/torture/torture.py --build $(BUILD) --program $(BUILD)/sanitized \
		$(if $(MOST),--most $(MOST)) $(if $(OUT_OF),--out-of $(OUT_OF)) $(if $(SEED),--seed $(SEED)) \
		$(if $(MINUTES),--minutes $(MINUTES))

install: all
	install -D -m 0755 $(BUILD)/evenkeel $(DESTDIR)$(PREFIX)/bin/evenkeel
	install -D -m 0644 README.md $(DESTDIR)$(PREFIX)/share/doc/evenkeel/README.md
	install -D -m 0644 contrib/man/evenkeel.1 $(DESTDIR)$(PREFIX)/share/man/man1/evenkeel.1
	install -D -m 0644 contrib/systemd/evenkeel.service $(DESTDIR)$(PREFIX)/lib/systemd/system/evenkeel.service
	sed -i 's|/usr/local/bin/|$(PREFIX)/bin/|' $(DESTDIR)$(PREFIX)/lib/systemd/system/evenkeel.service
	install -D -m 0644 contrib/systemd/controller.yaml $(DESTDIR)$(PREFIX)/share/doc/evenkeel/controller.yaml
	install -D -m 0644 contrib/systemd/this-machine.conf $(DESTDIR)$(PREFIX)/share/doc/evenkeel/this-machine.conf
	install -D -m 0644 contrib/grafana/evenkeel.json $(DESTDIR)$(PREFIX)/share/evenkeel/grafana/evenkeel.json
	install -D -m 0644 contrib/prometheus/alerts.yaml $(DESTDIR)$(PREFIX)/share/evenkeel/prometheus/alerts.yaml
	install -D -m 0644 contrib/completions/evenkeel.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/evenkeel

# Manual page and completion, written anew from the tables of commands and options.
manual: all
	@mkdir -p contrib/man contrib/completions
	@$(BUILD)/evenkeel help man > contrib/man/evenkeel.1
	@$(BUILD)/evenkeel help completion > contrib/completions/evenkeel.bash
	@$(BUILD)/evenkeel schema --log > contrib/schema/log.schema.json

clean:
	@rm -rf $(BUILD)

.SECONDARY:
-include $(shell find $(BUILD)/objects $(BUILD)/tidy -name '*.d' 2>/dev/null)
