# fraud_fallback: "make help" lists the targets.
#
# demo, test and bench need nothing but make: they install what is missing,
# build in a directory of their own and start a throw-away server there.
# all and install are an ordinary PGXS build against PG_CONFIG.

PG_CONFIG ?= pg_config
here := $(dir $(lastword $(MAKEFILE_LIST)))

EXTENSION = fraud_fallback
MODULE_big = fraud_fallback
PGFILEDESC = "fraud_fallback - fraud decisions when the ML service cannot answer"
DATA = sql/fraud_fallback--1.0.sql

# Logic that needs no server: the unit and fuzz programs compile it as well,
# with -DFRONTEND (first include: core/c_base.h).
PURE_OBJS = \
	src/circuit/circuit_read.o \
	src/circuit/machine.o \
	src/circuit/ticket.o \
	src/config/arena.o \
	src/config/service_yaml.o \
	src/config/setting_keys.o \
	src/config/settings_image.o \
	src/config/yaml_error.o \
	src/config/yaml_reader.o \
	src/config/yaml_scalar.o \
	src/config/yaml_tree.o \
	src/config/yaml_write.o \
	src/core/json_text.o \
	src/core/ring.o \
	src/core/state_image.o \
	src/journal/journal_config.o \
	src/journal/segment.o \
	src/live/facts.o \
	src/live/kept.o \
	src/live/recent.o \
	src/ml/ml_outcome.o \
	src/ml/ml_read.o \
	src/ml/verdict.o \
	src/policy/catalog.o \
	src/policy/default_yaml.o \
	src/policy/policy_draft.o \
	src/policy/policy_image.o \
	src/policy/policy_lookup.o \
	src/policy/policy_read.o \
	src/policy/policy_read_history.o \
	src/policy/policy_read_lists.o \
	src/policy/policy_read_rules.o \
	src/policy/policy_reader.o \
	src/policy/policy_scalar.o \
	src/policy/policy_write.o \
	src/profile/cells.o \
	src/profile/event.o \
	src/profile/gather.o \
	src/profile/image.o \
	src/profile/labels.o \
	src/profile/sets.o \
	src/profile/state.o \
	src/profile/view.o \
	src/score/evaluate.o \
	src/score/features.o \
	src/score/rules_amount.o \
	src/score/rules_location.o \
	src/score/rules_merchant.o \
	src/score/rules_time.o \
	src/score/rules_velocity.o \
	src/score/timeline.o \
	src/service/dependency_read.o \
	src/service/health.o \
	src/service/tier_read.o \
	src/service/tier_text.o \
	src/service/tiers.o \
	src/service/windows.o \
	src/store/events.o \
	src/store/key.o \
	src/txn/txn_event.o \
	src/txn/values.o \
	src/velocity/span.o

SERVER_OBJS = \
	src/circuit/circuit_call.o \
	src/circuit/circuit_events.o \
	src/circuit/circuit_saved.o \
	src/circuit/circuit_show.o \
	src/circuit/circuit_sql.o \
	src/circuit/circuit_tasks.o \
	src/circuit/circuits.o \
	src/circuit/control.o \
	src/circuit/guarded_call.o \
	src/circuit/guarded_function.o \
	src/circuit/permits.o \
	src/circuit/traffic.o \
	src/config/config_file.o \
	src/config/settings.o \
	src/config/yaml_server.o \
	src/core/attempt.o \
	src/core/clock.o \
	src/core/event_log.o \
	src/core/event_table.o \
	src/core/events.o \
	src/core/json_put.o \
	src/core/old_rows.o \
	src/core/saved_state.o \
	src/core/shared_text.o \
	src/core/shmem.o \
	src/core/worker.o \
	src/core/worker_status.o \
	src/core/worker_tables.o \
	src/decide/answer.o \
	src/decide/answer_json.o \
	src/decide/ask_ml.o \
	src/decide/by_rules.o \
	src/decide/combine.o \
	src/decide/decide.o \
	src/decide/decide_health.o \
	src/decide/deciding.o \
	src/decide/forget.o \
	src/decide/record.o \
	src/decide/record_row.o \
	src/decide/record_sql.o \
	src/decide/record_txn.o \
	src/decide/record_value.o \
	src/decide/route.o \
	src/decide/settle.o \
	src/journal/drain.o \
	src/journal/field_hash.o \
	src/journal/journal_alert.o \
	src/journal/journal_days.o \
	src/journal/journal_directory.o \
	src/journal/journal_files.o \
	src/journal/journal_rows.o \
	src/journal/journal_sql.o \
	src/journal/journal_sync.o \
	src/journal/journal_tables.o \
	src/journal/journal_verify.o \
	src/journal/policy_history.o \
	src/live/attempts.o \
	src/live/decisions.o \
	src/live/live_sql.o \
	src/ml/ml_settings.o \
	src/ml/verdict_json.o \
	src/ml/verdict_sql.o \
	src/module.o \
	src/policy/policy_active.o \
	src/policy/policy_catalog.o \
	src/policy/policy_check.o \
	src/policy/policy_file.o \
	src/policy/policy_server.o \
	src/policy/policy_type.o \
	src/profile/profile_show.o \
	src/profile/profile_type.o \
	src/score/custom.o \
	src/score/decision_sql.o \
	src/score/features_json.o \
	src/score/features_sql.o \
	src/score/fraud_labels.o \
	src/score/score_pass.o \
	src/score/score_rows.o \
	src/score/score_sql.o \
	src/score/score_table.o \
	src/service/health_checks.o \
	src/service/probe_sql.o \
	src/service/probe_tcp.o \
	src/service/probes.o \
	src/service/service_events.o \
	src/service/service_facts.o \
	src/service/service_saved.o \
	src/service/service_show.o \
	src/service/service_sql.o \
	src/service/service_state.o \
	src/service/service_tasks.o \
	src/store/attach.o \
	src/store/delta.o \
	src/store/fold.o \
	src/store/forget.o \
	src/store/histories.o \
	src/store/install.o \
	src/store/known_fraud.o \
	src/store/label.o \
	src/store/label_source.o \
	src/store/lookup.o \
	src/store/profiles.o \
	src/store/rebuild.o \
	src/store/rule_stats.o \
	src/store/stored_score.o \
	src/store/tables.o \
	src/store/trigger.o \
	src/txn/local.o \
	src/txn/observe.o \
	src/txn/txn_fill.o \
	src/txn/txn_read.o \
	src/txn/txn_row.o \
	src/velocity/agg.o \
	src/velocity/distinct.o \
	src/velocity/items.o \
	src/velocity/sum.o

OBJS = $(PURE_OBJS) $(SERVER_OBJS)

# Hidden unless exported, see src/core/compat.h
PG_CPPFLAGS = -I$(srcdir)/src '-DPGDLLEXPORT=__attribute__((visibility("default")))'
PG_CFLAGS = -std=gnu11 -Wall -Wextra -Wno-unused-parameter -fvisibility=hidden
ifneq ($(filter 1 true yes,$(WERROR) $(CI)),)
PG_CFLAGS += -Werror
endif
SHLIB_LINK = -lyaml

# names with -- are install scripts
REGRESS = $(foreach file,$(basename $(notdir $(sort $(wildcard $(here)sql/*.sql)))),$(if $(findstring --,$(file)),,$(file)))
REGRESS_OPTS = --load-extension=fraud_fallback
ISOLATION = $(basename $(notdir $(sort $(wildcard $(here)test/isolation/specs/*.spec))))
ISOLATION_OPTS = --inputdir=test/isolation --load-extension=fraud_fallback

EXTRA_CLEAN = src/config/service_yaml.c src/policy/default_yaml.c build

.DEFAULT_GOAL := all
.PHONY: help demo test bench bench-data check-units fuzz

PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifneq ($(wildcard $(PGXS)),)
include $(PGXS)
include $(srcdir)/test/programs.mk

headers = $(wildcard $(srcdir)/src/*/*.h)
$(OBJS) $(OBJS:.o=.bc): $(headers) $(here)Makefile

embed = @$(MKDIR_P) $(@D) && sh $(srcdir)/src/config/embed.sh $< $(1) $(2) > $@.tmp && mv $@.tmp $@
src/config/service_yaml.c: $(srcdir)/rules/service.yaml src/config/embed.sh
	$(call embed,config/settings_image.h,settings_default_yaml)
src/policy/default_yaml.c: $(srcdir)/rules/rules.yaml src/config/embed.sh
	$(call embed,policy/policy.h,policy_default_yaml)

install: install-rules
install-rules:
	$(MKDIR_P) '$(DESTDIR)$(datadir)/fraud_fallback'
	$(INSTALL_DATA) $(srcdir)/rules/rules.yaml $(srcdir)/rules/service.yaml '$(DESTDIR)$(datadir)/fraud_fallback/'

uninstall: uninstall-rules
uninstall-rules:
	rm -rf '$(DESTDIR)$(datadir)/fraud_fallback'

.PHONY: install-rules uninstall-rules
else
all install installcheck uninstall:
	@echo "the server development files of PostgreSQL 15 are missing ($(PG_CONFIG) --pgxs finds none): install postgresql-server-dev-15, or run 'bash test/setup.sh', or pass PG_CONFIG=/path/to/pg_config" >&2; exit 1
clean:
	rm -rf build
.PHONY: all install installcheck uninstall clean
endif

demo:
	@bash "$(here)test/demo.sh"
test:
	@bash "$(here)test/run.sh"
bench:
	@bash "$(here)test/bench.sh" $(BENCH_OPTS)
bench-data:
	@bash "$(here)test/bench_data.sh"
check-units:
	@bash "$(here)test/run.sh" unit
fuzz:
	@FUZZ_SECONDS=$${FUZZ_SECONDS:-120} bash "$(here)test/run.sh" fuzz

help:
	@echo 'make demo         start a throw-away server and show what the extension does'
	@echo 'make test         everything: units, fuzz, regression, property, session, TAP tests'
	@echo '                  (bash test/run.sh regress unit ... runs some of it)'
	@echo 'make check-units  only the programs that need no server'
	@echo 'make fuzz         only the fuzz programs, FUZZ_SECONDS (120) each'
	@echo 'make bench        the measurements of the documentation'
	@echo 'make bench-data   detection quality on labelled data (FRAUD_DATA=directory)'
	@echo 'make, make install, make uninstall, make clean'
	@echo '                  ordinary PGXS build; PG_CONFIG=... chooses the server'
