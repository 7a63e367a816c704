#!/bin/sh
# Turns a text file into C: embed.sh rules/rules.yaml > src/policy/default_yaml.c
set -eu

cat <<'HEAD'
/* Made from rules/rules.yaml by src/policy/embed.sh; do not edit. */
#include "core/c_base.h"

#include "policy/policy.h"

const char	policy_default_yaml[] = {
HEAD
od -An -v -tu1 "$1" | sed -e 's/^ *//' -e 's/  */, /g' -e 's/$/,/'
cat <<'TAIL'
0};

const size_t policy_default_yaml_len = sizeof(policy_default_yaml) - 1;
TAIL
