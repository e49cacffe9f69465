# SPDX-License-Identifier: MIT
# turno: one Makefile for everything. `make help` lists the targets.
#
# Settings: V=1 shows commands, WERROR=1 makes warnings errors, SANITIZE=address,undefined builds an instrumented copy.
# Each variant has its own tree build/<variant>/, so that they never mix; build/turnod and build/turno point at the
# release variant. Local settings may go to config.mk.

.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

-include config.mk

PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
SBINDIR    ?= $(PREFIX)/sbin
MANDIR     ?= $(PREFIX)/share/man
DATADIR    ?= $(PREFIX)/share
UNITDIR    ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
SYSCONFDIR ?= /etc
INSTALL    ?= install
T          ?= 60
SEED       ?= 1
WAITING    ?= 10000000
EVENTS     ?= 100000000

comma   := ,
Q       := $(if $(V),,@)
say      = $(if $(V),,@printf '  %-6s %s\n' $(1) $(2);)

# ---- set-up ------------------------------------------------------------------------------------------------------
# These targets first install what they need and is missing (tests/deps), then start make again: nothing below the
# `else` is looked at before there is a compiler.
needs_build := deps
needs_check := check check-san torture
needs_demo  := demo
needs_lint  := lint format
needs_fuzz  := fuzz
needs_bench := bench bench-long bench-fairness
set_up_goals := $(needs_build) $(needs_check) $(needs_demo) $(needs_lint) $(needs_fuzz) $(needs_bench)

ifneq ($(if $(SETUP),,$(filter $(set_up_goals),$(MAKECMDGOALS))),)

purposes := build run $(foreach p,check demo lint fuzz bench,$(if $(filter $(needs_$(p)),$(MAKECMDGOALS)),$(p)))
.PHONY: $(MAKECMDGOALS) again
$(MAKECMDGOALS): again ; @:
again:
	@tests/deps install $(purposes)
	+@$(MAKE) $(if $(filter -j%,$(MAKEFLAGS)),,-j$$(nproc)) --no-print-directory SETUP=done $(MAKECMDGOALS)

else ifneq ($(if $(MAKECMDGOALS),$(filter-out clean help deps,$(MAKECMDGOALS)),all),)

# ---- compiler, flags, libraries -------------------------------------------------------------------------------------
variant := $(or $(VARIANT),$(subst $(comma),-,$(SANITIZE)),release)
O       := build/$(variant)
G       := build/gen

daemon_pkgs := libevent libpq libconfig libical jansson libsystemd libpcre2-8 libcrypto
cli_pkgs    := libcurl smartcols jansson ncursesw
all_pkgs    := $(sort $(daemon_pkgs) $(cli_pkgs))

# What the compiler lacks is found out once a compiler, into build/probe-NAME.mk.
probe := build/probe-$(notdir $(firstword $(CC))).mk
-include $(probe)
probed_flags := -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection -fcf-protection \
	-ftrivial-auto-var-init=zero -fstrict-flex-arrays=3
$(probe): Makefile
	@mkdir -p $(@D)
	@command -v $(firstword $(CC)) >/dev/null && command -v pkg-config >/dev/null || \
		{ echo 'no compiler or pkg-config: run `make deps` first (it installs Debian packages)' >&2; exit 1; }
	@pkg-config --exists --print-errors $(all_pkgs) || \
		{ echo 'libraries are missing: run `make deps` first (it installs Debian packages)' >&2; exit 1; }
	@new=$$(mktemp -d build/probe.XXXXXX); { printf 'hardening :='; for flag in $(probed_flags); do \
		echo 'int x;' | $(CC) -O2 -Werror $$flag -x c -c -o $$new/o - >/dev/null 2>&1 && printf ' %s' $$flag; \
	done; echo; \
	echo "pkg_cflags := $$(pkg-config --cflags $(all_pkgs))"; \
	echo "daemon_libs := $$(pkg-config --libs $(daemon_pkgs))"; \
	echo "cli_libs := $$(pkg-config --libs $(cli_pkgs))"; \
	echo "cmocka_libs := $$(pkg-config --libs cmocka 2>/dev/null || echo -lcmocka)"; \
	echo "queue_h := $$($(CC) -M -x c -include sys/queue.h /dev/null | tr ' ' '\n' | grep sys/queue.h)"; \
	} >$$new/mk && mv $$new/mk $@; status=$$?; rm -rf $$new; exit $$status

warnings := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wvla -Wundef -Wcast-qual -Wcast-align -Wwrite-strings -Wformat=2 -Wnull-dereference \
	-Wdouble-promotion -Wimplicit-fallthrough -Wswitch-enum -Wno-sign-conversion -Werror=implicit-function-declaration \
	-Werror=return-type -Werror=format-security -Werror=incompatible-pointer-types -Werror=int-conversion \
	$(if $(WERROR),-Werror)
sanitize := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer -O1,-O2 $(hardening))

# The user's CPPFLAGS and CFLAGS come last and never lose our own.
all_cflags  = -std=c17 -D_GNU_SOURCE -I. -I$(G) $(pkg_cflags) $(warnings) -g $(sanitize) \
	-fno-common -fno-strict-overflow -fPIE $(CPPFLAGS) $(CFLAGS)
all_ldflags = $(if $(SANITIZE),-fsanitize=$(SANITIZE)) -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed $(LDFLAGS)

# ---- sources ----------------------------------------------------------------------------------------------------------
# A new file gets a word here; tests/check/source.sh says so when it was forgotten. Tests are found by themselves.
common_src := \
	common/arena.c common/beside.c common/calendar.c common/err.c common/i18n.c common/json.c common/log.c common/names.c common/parse.c common/strbuf.c \
	common/utf8.c common/uuid.c common/xalloc.c
daemon_src := \
	daemon/backup.c daemon/database.c daemon/main.c daemon/metrics.c daemon/restore.c daemon/routes.c daemon/tool.c \
	daemon/db/archive.c daemon/db/batch.c daemon/db/binary.c daemon/db/bind.c daemon/db/build.c daemon/db/calls.c daemon/db/conn.c daemon/db/copy.c \
	daemon/db/db.c daemon/db/durability.c daemon/db/flush.c daemon/db/migrate.c daemon/db/notify.c daemon/db/pipe.c \
	daemon/db/prepare.c daemon/db/row.c daemon/db/said.c daemon/db/session.c daemon/db/sqlstate.c \
	daemon/desk/act.c daemon/desk/app.c daemon/desk/calendarfile.c daemon/desk/claim.c daemon/desk/desk.c \
	daemon/desk/desk_diff.c daemon/desk/desk_lane.c daemon/desk/desk_routes.c daemon/desk/desk_store.c daemon/desk/deskfile.c \
	daemon/desk/deskfile_check.c daemon/desk/deskfile_found.c daemon/desk/deskfile_render.c daemon/desk/deskfile_skill.c daemon/desk/digest.c daemon/desk/doctor.c \
	daemon/desk/feed.c daemon/desk/health.c daemon/desk/holiday.c daemon/desk/idle.c daemon/desk/janitor.c daemon/desk/lane.c \
	daemon/desk/link_routes.c daemon/desk/machine.c daemon/desk/number.c daemon/desk/openapi.c daemon/desk/openapi_body.c \
	daemon/desk/openapi_names.c daemon/desk/openapi_story.c daemon/desk/pattern.c daemon/desk/person.c daemon/desk/reads.c \
	daemon/desk/repeat.c daemon/desk/rule.c daemon/desk/submit.c daemon/desk/token.c daemon/desk/token_routes.c \
	daemon/desk/verbs.c daemon/desk/wait.c daemon/desk/web.c daemon/desk/web_file.c daemon/desk/web_limit.c \
	daemon/desk/web_page.c \
	daemon/http/chunk.c daemon/http/conn.c daemon/http/deadline.c daemon/http/form.c daemon/http/hash.c daemon/http/head.c \
	daemon/http/http.c daemon/http/input.c daemon/http/op.c daemon/http/output.c daemon/http/page.c daemon/http/peer.c \
	daemon/http/problem.c daemon/http/reply.c daemon/http/request.c daemon/http/route.c daemon/http/stream.c \
	daemon/http/target.c \
	daemon/os/brief.c daemon/os/clock.c daemon/os/cluster.c daemon/os/conffile.c daemon/os/config.c daemon/os/embedded.c \
	daemon/os/listen.c daemon/os/pgbin.c daemon/os/pglog.c daemon/os/program.c daemon/os/service.c daemon/os/stats.c daemon/os/stepdown.c daemon/os/task.c \
	daemon/os/users.c
cli_src := \
	cli/api.c cli/args.c cli/brief.c cli/client.c cli/complete.c cli/compose.c cli/doctor.c cli/draft.c cli/editor.c \
	cli/endpoint.c cli/facts.c cli/filing.c cli/filter.c cli/follow.c cli/help.c cli/machine.c cli/main.c cli/practice.c \
	cli/prompt.c cli/screen.c cli/sentence.c cli/sse.c cli/table.c cli/text.c cli/ticket.c cli/top.c cli/top_draw.c \
	cli/verb_act.c cli/verb_ask.c cli/verb_backup.c cli/verb_brief.c cli/verb_calendar.c cli/verb_complete.c \
	cli/verb_desk.c cli/verb_doctor.c cli/verb_drafts.c cli/verb_edit.c cli/verb_fair.c cli/verb_init.c cli/verb_link.c cli/verb_list.c \
	cli/verb_log.c cli/verb_me.c cli/verb_next.c cli/verb_person.c cli/verb_read.c cli/verb_stats.c cli/verb_top.c \
	cli/verb_tutorial.c cli/verb_write.c cli/verbs.c cli/waits.c

gen_src := $(G)/stmts.c $(G)/schema.c $(G)/openapi_text.c
tests   := $(patsubst %.c,$(O)/%,$(wildcard tests/unit/test_*.c tests/sql/test_*.c tests/proto/test_*.c))
fuzzers := $(patsubst %.c,$(O)/%,$(wildcard tests/fuzz/fuzz_*.c))
benches := $(patsubst %.c,$(O)/%,$(wildcard tests/bench/bench_*.c tests/replay/replay_*.c))
helpers := $(filter-out tests/unit/test_% tests/sql/test_% tests/proto/test_% tests/fuzz/% tests/bench/bench_% \
	tests/replay/replay_%,$(wildcard tests/*/*.c))

obj = $(patsubst %.c,$(O)/%.o,$(1))

programs := $(O)/turnod $(O)/turno

.PHONY: all programs tests
all: programs translations ## build the programs (the default)
programs: $(programs) $(if $(filter release,$(variant)),$(patsubst $(O)/%,build/%,$(programs)))

build/turnod build/turno: build/%: $(O)/%
	@ln -sfn $(variant)/$* $@

$(O)/turnod: $(call obj,$(daemon_src) $(common_src)) $(call obj,$(gen_src))
	$(call say,LINK,$@)$(CC) $(all_ldflags) -o $@ $^ $(daemon_libs)
$(O)/turno: $(call obj,$(cli_src) $(common_src))
	$(call say,LINK,$@)$(CC) $(all_ldflags) -o $@ $^ $(cli_libs)

# Everything but the two main.o, so that a test can call anything and replace what it likes: a symbol the test program
# defines itself is not taken from here, nor from libpq.
$(O)/libturnod.a: $(call obj,$(filter-out daemon/main.c,$(daemon_src)) $(gen_src))
$(O)/libturno.a: $(call obj,$(filter-out cli/main.c,$(cli_src)))
$(O)/libcommon.a: $(call obj,$(common_src))
archives := $(O)/libturnod.a $(O)/libturno.a $(O)/libcommon.a
$(archives):
	$(call say,AR,$@)rm -f $@; ar rcsD $@ $^

# ---- translations -------------------------------------------------------------------------------------------------------
# They lie beside the programs, who look there first.
catalogues := $(patsubst po/%.po,$(O)/locale/%/LC_MESSAGES/turno.mo,$(wildcard po/*.po))
.PHONY: translations po
translations: $(catalogues)
$(O)/locale/%/LC_MESSAGES/turno.mo: po/%.po
	@mkdir -p $(@D)
	$(call say,GEN,$@)msgfmt --check-format -o $@ $<
po: ## bring po/*.po up to date with the sources; what is new is left to translate
	@tests/check/po update

# ---- generated sources --------------------------------------------------------------------------------------------------
# build/gen is shared by the variants. A file that comes out the same keeps its time, so that nothing is compiled for it.
sql_src := $(sort $(wildcard sql/stmts/*.sql sql/functions/*.sql sql/schema/*.sql))

$(G)/transition_print: common/transition_print.c common/names.c common/names.h common/transition.def | $(probe)
	$(call say,CC,$@)mkdir -p $(@D) && $(CC) -std=c17 -D_GNU_SOURCE -I. -O1 $(warnings) -o $@ common/transition_print.c common/names.c
$(G)/transition.sql $(G)/transition.md $(G)/transition.mdoc: $(G)/transition.%: $(G)/transition_print
	$(call say,GEN,$@)$(G)/transition_print $* > $@.$$$$ && mv $@.$$$$ $@

$(G)/sql.list: FORCE
	@mkdir -p $(@D); echo '$(sql_src)' > $@.$$$$; cmp -s $@.$$$$ $@ && rm $@.$$$$ || mv $@.$$$$ $@
$(G)/stamp: sql/embed.sh $(sql_src) $(G)/transition.sql $(G)/sql.list
	$(call say,GEN,'$(G): statements and schema')new=$$(mktemp -d $(G)/new.XXXXXX) && cp $(G)/transition.sql $$new/ && \
	sql/embed.sh $$new && for f in stmts.h stmts.c schema.h schema.c; do \
		cmp -s $$new/$$f $(G)/$$f || mv $$new/$$f $(G)/$$f || exit 1; done; status=$$?; rm -rf $$new; exit $$status
	@touch $@
$(G)/stmts.h $(G)/stmts.c $(G)/schema.h $(G)/schema.c: $(G)/stamp ;
# The texts of the API's description, as C strings.
$(G)/openapi_text.c: daemon/openapi.json daemon/openapi_story.json
	$(call say,GEN,$@)mkdir -p $(@D) && { echo '#include "daemon/desk/openapi.h"'; \
	echo '#pragma GCC diagnostic ignored "-Woverlength-strings"'; for f in $^; do name=$${f##*/}; name=$${name%.json}_text; \
	echo "const char $$name[] ="; \
	sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/?/\\?/g' -e 's/^ *\(.*\)$$/    "\1\\n"/' $$f && echo '    ;'; done; } > $@.$$$$ && mv $@.$$$$ $@

# ---- objects ------------------------------------------------------------------------------------------------------------
# The stamp holds compiler and flags and is touched only when they differ.
$(O)/flags: FORCE | $(probe)
	@mkdir -p $(@D); echo '$(CC) $(all_cflags) $(all_ldflags)' > $@.$$$$; cmp -s $@.$$$$ $@ && rm $@.$$$$ || mv $@.$$$$ $@
FORCE:

$(O)/%.o: %.c $(O)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(all_cflags) -MMD -MP -c -o $@ $<
# Before the first .d files exist nobody knows who includes the generated headers: they come first.
$(call obj,$(daemon_src) $(gen_src)): | $(G)/stmts.h $(G)/schema.h
$(patsubst %,%.o,$(tests) $(fuzzers) $(benches)) $(call obj,$(helpers)): | $(G)/stmts.h $(G)/schema.h

# ---- tests --------------------------------------------------------------------------------------------------------------
# tests/DIR/test_X.c is a cmocka program of its own; the other .c files of its folder are linked into each of them.
# It is run in the top folder of the tree; what it may look at is in the environment (see tests/run).
.PHONY: tests fast-tests check check-san build-san fuzz build-fuzz bench bench-long bench-fairness torture demo
tests: $(tests) $(fuzzers) $(benches)
fast-tests: $(filter $(O)/tests/unit/% $(O)/tests/proto/%,$(tests)) $(fuzzers)
tests_libs = -Wl,--start-group $(archives) -Wl,--end-group $(cmocka_libs) $(daemon_libs) $(cli_libs) -lm
define helpers_of
$(filter $(O)/tests/$(1)/%,$(tests) $(fuzzers) $(benches)): $(call obj,$(filter tests/$(1)/%,$(helpers)))
endef
$(foreach d,unit sql proto bench replay,$(eval $(call helpers_of,$(d))))
# These play libpq from a script.
$(addprefix $(O)/tests/unit/test_,conn batch flush loss calls row number): $(call obj,$(wildcard tests/fake/*.c))
$(fuzzers): $(O)/tests/fuzz/replay.o
# It lives by the statements, in the cluster of tests/sql.
$(O)/tests/bench/bench_fairness: $(call obj,$(filter tests/sql/%,$(helpers)))

$(tests) $(fuzzers) $(benches): %: %.o $(archives)
	$(call say,LINK,$@)$(CC) $(all_ldflags) -o $@ $(filter %.o,$^) $(tests_libs)

check: all tests ## all tests (as root in a copy, as an unprivileged user)
	@tests/run --build $(O)

check-san: ## unit and protocol tests under AddressSanitizer and UndefinedBehaviorSanitizer
	+@$(MAKE) --no-print-directory SETUP=done build-san
	@tests/run --build build/address-undefined unit corpus proto
build-san:
	+@$(MAKE) --no-print-directory SETUP=done SANITIZE=address,undefined all fast-tests

# An execution allocates little: a large quarantine only costs cache and page faults. Inputs that take long (libical looks
# half a second for a 30th of February) come less often.
fuzz: ## each fuzz target for T seconds (clang); T=60
	+@$(MAKE) --no-print-directory SETUP=done build-fuzz
	@for f in $(patsubst $(O)/tests/fuzz/fuzz_%,%,$(fuzzers)); do \
		mkdir -p tests/fuzz/corpus/$$f build/fuzz/found/$$f; echo "fuzz $$f"; \
		ASAN_OPTIONS=quarantine_size_mb=4:malloc_context_size=4:$$ASAN_OPTIONS build/fuzz/tests/fuzz/run_$$f \
			-max_total_time=$(T) -entropic_scale_per_exec_time=1 -artifact_prefix=build/fuzz/found/$$f- -verbosity=0 \
			build/fuzz/found/$$f tests/fuzz/corpus/$$f || exit 1; done
build-fuzz:
	+@$(MAKE) --no-print-directory SETUP=done CC=clang VARIANT=fuzz SANITIZE=fuzzer-no-link,address,undefined fuzz-programs
.PHONY: fuzz-programs
fuzz-programs: $(patsubst $(O)/tests/fuzz/fuzz_%,$(O)/tests/fuzz/run_%,$(fuzzers))
$(O)/tests/fuzz/run_%: $(O)/tests/fuzz/fuzz_%.o $(archives)
	$(call say,LINK,$@)$(CC) $(all_ldflags) -fsanitize=fuzzer -o $@ $< $(tests_libs)

bench: all tests ## benchmarks beside pgbench, 15 minutes; writes build/bench.json
	@tests/stage --back build/bench.json tests/bench/run

bench-long: all tests ## the same beside 10 M waiting and 100 M old events (WAITING=, EVENTS=); an hour or two
	@tests/stage --back build/bench-long.json env OUT=build/bench-long.json AGE=1000000 WAITING=$(WAITING) EVENTS=$(EVENTS) \
		tests/bench/run old submit claim cycle read million dead snapshot
	@tests/stage $(O)/tests/bench/bench_fairness $(or $(DAYS),60)

bench-fairness: all tests ## waits by policy, DAYS (60) of virtual time by the statements; minutes a policy
	@tests/stage $(O)/tests/bench/bench_fairness $(or $(DAYS),60)

torture: all ## everything fails while people work, for T seconds from SEED; EMBEDDED=1: one turnod with its own database
	@tests/torture/run --seconds $(T) --seed $(SEED) $(if $(EMBEDDED),--embedded)

demo: all ## a desk with its story; leaves it running
	@tests/stage --keep tests/demo

# ---- lint ---------------------------------------------------------------------------------------------------------------
c_files  := $(sort $(wildcard common/*.[ch] daemon/*.[ch] daemon/*/*.[ch] cli/*.[ch] tests/*/*.[ch]))
c_src    := $(filter %.c,$(c_files))
sh_files := $(sort $(wildcard sql/*.sh tests/*/*.sh tests/run tests/deps tests/stage tests/demo tests/bench/run \
	tests/torture/run .ci/run))
man_src  := $(sort $(wildcard daemon/*.[1-9] cli/*.[1-9] conf/*.[1-9]))
lint_cflags = -std=c17 -D_GNU_SOURCE -I. -I$(G) $(pkg_cflags)
lints    := lint-format lint-headers lint-cppcheck lint-shell lint-man lint-tidy

.PHONY: lint format docs $(lints)
lint: ## clang-format, headers alone, cppcheck, shellcheck, man pages, clang-tidy
	+@$(MAKE) --no-print-directory --keep-going SETUP=done $(lints)
lint-format:
	$(call say,LINT,'format: $(words $(c_files)) files')clang-format --dry-run -Werror $(c_files)
lint-headers: $(patsubst %.h,$(O)/%.alone,$(filter %.h,$(c_files)))
lint-tidy: $(c_src:%.c=$(O)/%.tidy)
lint-cppcheck: $(G)/stmts.h $(G)/schema.h
	$(call say,LINT,cppcheck)cppcheck --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 -q \
		-D_GNU_SOURCE -I. -I$(G) --include=$(queue_h) \
		--suppress=unknownMacro --suppress=varFuncNullUB --suppress=ctuuninitvar $(c_src)
lint-shell:
	$(call say,LINT,'shell: $(words $(sh_files)) files')shellcheck -x -P SCRIPTDIR -e SC2001,SC2013,SC2044,SC2018,SC2019,SC2119,SC2120,SC2317 $(sh_files)
lint-man:
	$(call say,LINT,'man: $(man_src)')$(if $(man_src),mandoc -T lint -W warning $(man_src))
# A header includes what it needs.
$(O)/%.alone: %.h $(O)/flags | $(G)/stmts.h $(G)/schema.h
	@mkdir -p $(@D)
	$(call say,LINT,$<)echo 'int not_empty;' | $(CC) $(lint_cflags) $(warnings) -Werror -fsyntax-only -include $< -x c - && touch $@
# After the object, which knows by which headers the file must be looked at again.
$(O)/%.tidy: %.c $(O)/%.o .clang-tidy tests/.clang-tidy
	$(call say,LINT,$<)clang-tidy --quiet --warnings-as-errors='*' $< -- $(lint_cflags) 2>$@.log || { cat $@.log; exit 1; }; touch $@
format: ## format the C files in place
	@clang-format -i $(c_files)
docs: $(G)/transition_print ## renew the parts of README.md and man pages that are printed from the sources
	@tests/check/docs update $(wildcard README.md) $(man_src)

# ---- installation -------------------------------------------------------------------------------------------------------
# The live configuration is installed only where there is none; a pristine copy lies with the documentation. Units get
# the folders filled in (@SBINDIR@ …).
fill_in = sed -e 's|@BINDIR@|$(BINDIR)|g' -e 's|@SBINDIR@|$(SBINDIR)|g' -e 's|@SYSCONFDIR@|$(SYSCONFDIR)|g'
confs   := $(wildcard conf/turnod.conf conf/desk.conf)
monitors := $(wildcard conf/turno.rules.yml conf/turno-dashboard.json)
units   := $(wildcard systemd/*.service systemd/*.socket)
docdir   = $(DATADIR)/doc/turno
# where Debian's shells look; zsh has another place for what is no package
completions = bash-completion/completions/turno fish/vendor_completions.d/turno.fish \
	zsh/$(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)/_turno
D       := $(DESTDIR)

.PHONY: install uninstall
install: all ## install under PREFIX (and DESTDIR); starts nothing, keeps existing configuration
	$(Q)$(INSTALL) -d $(D)$(BINDIR) $(D)$(SBINDIR) $(D)$(SYSCONFDIR)/turno $(D)$(docdir) $(D)$(UNITDIR) $(D)$(SYSUSERSDIR) \
		$(addprefix $(D)$(MANDIR)/man,1 5 8) $(patsubst $(O)/%,$(D)$(DATADIR)/%,$(dir $(catalogues))) $(dir $(addprefix $(D)$(DATADIR)/,$(completions)))
	$(Q)$(INSTALL) -m 755 $(O)/turnod $(D)$(SBINDIR)/turnod
	$(Q)$(INSTALL) -m 755 $(O)/turno $(D)$(BINDIR)/turno
	$(Q)for f in $(man_src); do $(INSTALL) -m 644 $$f $(D)$(MANDIR)/man$${f##*.}/ || exit 1; done
	$(Q)for f in $(confs); do $(INSTALL) -m 644 $$f $(D)$(docdir)/ || exit 1; \
		test -e $(D)$(SYSCONFDIR)/turno/$${f##*/} || $(INSTALL) -m 644 $$f $(D)$(SYSCONFDIR)/turno/ || exit 1; done
	$(Q)for f in README.md LICENSE $(monitors); do test ! -e $$f || $(INSTALL) -m 644 $$f $(D)$(docdir)/ || exit 1; done
	$(Q)for f in $(units); do $(fill_in) $$f >$(D)$(UNITDIR)/$${f##*/} && chmod 644 $(D)$(UNITDIR)/$${f##*/} || exit 1; done
	$(Q)test ! -e systemd/turno.sysusers || $(INSTALL) -m 644 systemd/turno.sysusers $(D)$(SYSUSERSDIR)/turno.conf
	$(Q)for f in $(completions); do $(O)/turno completion $${f%%[-/]*} >$(D)$(DATADIR)/$$f || exit 1; done
	$(Q)for f in $(patsubst $(O)/%,%,$(catalogues)); do $(INSTALL) -m 644 $(O)/$$f $(D)$(DATADIR)/$$f || exit 1; done
	$(Q)if [ -z '$(D)' ] && [ "$$(id -u)" = 0 ] && [ -d /run/systemd/system ]; then \
		systemd-sysusers $(SYSUSERSDIR)/turno.conf && systemctl daemon-reload; fi
	@if [ -z '$(D)' ] && systemctl -q is-active turnod 2>/dev/null; then next='systemctl restart turnod'; \
		else next='turno desk init, then systemctl enable --now turnod'; fi; \
		echo "installed under $(D)$(PREFIX); next: $$next"
uninstall: ## remove what install has put there, except configuration and data
	$(Q)rm -f $(D)$(SBINDIR)/turnod $(D)$(BINDIR)/turno $(addprefix $(D)$(UNITDIR)/,$(notdir $(units))) \
		$(D)$(SYSUSERSDIR)/turno.conf $(addprefix $(D)$(DATADIR)/,$(completions)) \
		$(patsubst $(O)/%,$(D)$(DATADIR)/%,$(catalogues))
	$(Q)for f in $(man_src); do rm -f $(D)$(MANDIR)/man$${f##*.}/$${f##*/}; done
	$(Q)rm -rf $(D)$(docdir)

-include $(patsubst %.o,%.d,$(call obj,$(daemon_src) $(cli_src) $(common_src) $(gen_src) $(helpers)) \
	$(patsubst %,%.o,$(tests) $(fuzzers) $(benches)))

endif

# ---- always -------------------------------------------------------------------------------------------------------------
.DEFAULT_GOAL := all
.PHONY: clean help deps
deps: ## install what building and running need (Debian packages)
clean: ## remove everything that was built
	rm -rf build
help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1|\2/p' Makefile | awk -F'|' '{ printf "  %-10s %s\n", $$1, $$2 }'
