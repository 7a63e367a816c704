#!/bin/sh
# Turns a text file into C: embed.sh TEXT HEADER SYMBOL > FILE.c
# makes SYMBOL and SYMBOL_len, which HEADER declares.
set -eu

cat <<HEAD
/* Made from a text by src/config/embed.sh; do not edit. */
#include "core/c_base.h"

#include "$2"

const char	$3[] = {
HEAD
od -An -v -tu1 "$1" | sed -e 's/^ *//' -e 's/  */, /g' -e 's/$/,/'
cat <<TAIL
0};

const size_t $3_len = sizeof($3) - 1;
TAIL
