#!/usr/bin/env bash
# docs/ml.md against the extension: every answer of its table becomes what the
# table says.
set -uo pipefail

page=$(dirname "$0")/../../docs/ml.md
tests=0

# is GOT WANTED NAME
is()
{
	tests=$((tests + 1))
	if [ "$1" = "$2" ]; then
		echo "ok $tests - $3"
	else
		echo "not ok $tests - $3"
		echo "#   got: $1"
		echo "#   wanted: $2"
	fi
}

verdict()
{
	psql -XqAt -v ml="$1" 2>&1 <<'SQL'
SELECT CASE WHEN valid THEN concat_ws(' ', risk_score, risk_level, recommendation) ELSE problem END FROM fraud_verdict(:'ml')
SQL
}

while IFS='|' read -r _ answers wanted _; do
	wanted=${wanted# }
	while IFS= read -r answer; do
		is "$(verdict "$answer")" "${wanted% }" "$answer"
	done < <(grep -oE '`[^`]+`' <<<"$answers" | tr -d '`')
done < <(sed -n '/<!-- verdicts:begin -->/,/<!-- verdicts:end -->/p' "$page" | sed -e '1,3d' -e '$d')
[ "$tests" -gt 25 ]
is "$?" 0 'there are answers'

echo "1..$tests"
