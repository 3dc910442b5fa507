# Evenkeel: the front door. `make help` lists what can be asked for.

CC ?= gcc
PYTHON ?= /usr/bin/python3
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=

PACKAGES := libmongoc-1.0 libbson-1.0 openssl yaml-0.1 libgit2 jansson
VERSION := 0.1.0

WARNINGS := -Wall -Wextra -Wshadow -Wvla -Wconversion -Werror
HARDENING := -fstack-protector-strong -fPIE -fvisibility=hidden
OPTIMISATION ?= -O2 -D_FORTIFY_SOURCE=2
LINK_HARDENING := -pie -Wl,-z,relro -Wl,-z,now
SANITIZE ?=

ALL_CFLAGS = -std=gnu17 -D_GNU_SOURCE -I. -DEK_VERSION='"$(VERSION)"' -g -pthread $(OPTIMISATION) $(WARNINGS) \
	$(HARDENING) $(SANITIZE) $(PACKAGE_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = -pthread $(LINK_HARDENING) $(SANITIZE) $(LDFLAGS)
PACKAGE_CFLAGS = $(shell pkg-config --cflags $(PACKAGES) | sed 's/-I/-isystem /g')
PACKAGE_LIBS = $(shell pkg-config --libs $(PACKAGES))

CORE_SOURCES := $(wildcard reconciler/*.c)
BASE_SOURCES := $(wildcard reconciler/base/*.c)
LIBRARY_SOURCES := $(CORE_SOURCES) $(BASE_SOURCES) $(wildcard specs/*.c) $(wildcard drivers/*/*.c) \
	$(wildcard reconciler/execute/*.c reconciler/report/*.c reconciler/catalogue/*.c)
COMMAND_SOURCES := $(wildcard reconciler/command/*.c)
STANDIN_SOURCES := $(wildcard tests/standin/*.c)
UNIT_TESTS := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*.c))

object = $(patsubst %.c,$(BUILD)/objects/%.o,$(1))

.PHONY: all
all: $(BUILD)/evenkeel $(BUILD)/mongod-standin

$(BUILD)/objects/%.o: %.c | dependencies
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/libevenkeel.a: $(call object,$(LIBRARY_SOURCES))
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/evenkeel: $(call object,$(COMMAND_SOURCES)) $(BUILD)/libevenkeel.a
	$(CC) $(ALL_LDFLAGS) $^ $(PACKAGE_LIBS) -o $@

$(BUILD)/mongod-standin: $(call object,$(STANDIN_SOURCES))
	$(CC) $(ALL_LDFLAGS) $^ $(PACKAGE_LIBS) -o $@

$(BUILD)/unit/%: $(BUILD)/objects/tests/unit/%.o $(BUILD)/libevenkeel.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) $< $(BUILD)/libevenkeel.a $(PACKAGE_LIBS) -lcmocka -o $@

# Debian packages that are missing are installed once; everything else waits for that.
.PHONY: dependencies
dependencies:
	@contrib/install-deps

.SECONDARY:
-include $(shell find $(BUILD)/objects -name '*.d' 2>/dev/null)
