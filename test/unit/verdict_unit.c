/*-------------------------------------------------------------------------
 *
 * verdict_unit.c
 *	  What is a verdict of ML, and what a call was: docs/ml.md line by line,
 *	  and random answers against a second, naive formulation. TAP output.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include <math.h>

#include "ml/verdict.h"
#include "tap.h"

#define SEC				INT64CONST(1000000)
#define LOW_MAX			30
#define MEDIUM_MAX		60

static uint64 seed = 20260103;

static uint64
draw(uint64 n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % n;
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* ---- by hand: one answer a line ---- */

#define ABSENT		MEMBER_ABSENT, 0
#define WRONG		MEMBER_WRONG, 0
#define IS(value)	MEMBER_VALUE, value

typedef struct Case
{
	const char *what;
	int			scale;
	VerdictMember score_member;
	double		score;
	VerdictMember is_fraud_member;
	int			is_fraud;
	VerdictMember word_member;
	int			word;
	const char *problem;
	int			want_score;
	RiskLevel	want_level;
} Case;

#define NOT_100		"risk_score is not from 0 to 100"
#define NOT_1		"risk_score is not from 0 to 1"
#define NO_NUMBER	"risk_score is not a number"
#define FRACTION	"risk_score is between 0 and 1, but ml.score_scale is 100"

static const Case cases[] = {
	{"no score", 100, ABSENT, ABSENT, ABSENT, "risk_score is missing", 0, 0},
	{"a score of text", 100, WRONG, ABSENT, ABSENT, NO_NUMBER, 0, 0},
	{"NaN", 100, IS(NAN), ABSENT, ABSENT, NO_NUMBER, 0, 0},
	{"infinity", 100, IS(INFINITY), ABSENT, ABSENT, NO_NUMBER, 0, 0},
	{"-infinity", 1, IS(-INFINITY), ABSENT, ABSENT, NO_NUMBER, 0, 0},
	{"0", 100, IS(0), ABSENT, ABSENT, NULL, 0, LEVEL_LOW},
	{"-0", 100, IS(-0.0), ABSENT, ABSENT, NULL, 0, LEVEL_LOW},
	{"below 0", 100, IS(-1e-9), ABSENT, ABSENT, NOT_100, 0, 0},
	{"a fraction", 100, IS(0.85), ABSENT, ABSENT, FRACTION, 0, 0},
	{"the least fraction", 100, IS(5e-324), ABSENT, ABSENT, FRACTION, 0, 0},
	{"nearly 1", 100, IS(0.99999), ABSENT, ABSENT, FRACTION, 0, 0},
	{"1", 100, IS(1), ABSENT, ABSENT, NULL, 1, LEVEL_LOW},
	{"1.4", 100, IS(1.4), ABSENT, ABSENT, NULL, 1, LEVEL_LOW},
	{"1.5", 100, IS(1.5), ABSENT, ABSENT, NULL, 2, LEVEL_LOW},
	{"30", 100, IS(30), ABSENT, ABSENT, NULL, 30, LEVEL_LOW},
	{"30.49", 100, IS(30.49), ABSENT, ABSENT, NULL, 30, LEVEL_LOW},
	{"30.5", 100, IS(30.5), ABSENT, ABSENT, NULL, 31, LEVEL_MEDIUM},
	{"31", 100, IS(31), ABSENT, ABSENT, NULL, 31, LEVEL_MEDIUM},
	{"60", 100, IS(60), ABSENT, ABSENT, NULL, 60, LEVEL_MEDIUM},
	{"60.5", 100, IS(60.5), ABSENT, ABSENT, NULL, 61, LEVEL_HIGH},
	{"100", 100, IS(100), ABSENT, ABSENT, NULL, 100, LEVEL_HIGH},
	{"more than 100", 100, IS(100.001), ABSENT, ABSENT, NOT_100, 0, 0},
	{"far too much", 100, IS(1e308), ABSENT, ABSENT, NOT_100, 0, 0},
	{"0 of 1", 1, IS(0), ABSENT, ABSENT, NULL, 0, LEVEL_LOW},
	{"0.004 of 1", 1, IS(0.004), ABSENT, ABSENT, NULL, 0, LEVEL_LOW},
	{"0.005 of 1", 1, IS(0.005), ABSENT, ABSENT, NULL, 1, LEVEL_LOW},
	{"0.285 of 1, whose hundredfold is less than 28.5", 1, IS(0.285), ABSENT, ABSENT, NULL, 29, LEVEL_LOW},
	{"0.29 of 1, whose hundredfold is less than 29", 1, IS(0.29), ABSENT, ABSENT, NULL, 29, LEVEL_LOW},
	{"0.3 of 1", 1, IS(0.3), ABSENT, ABSENT, NULL, 30, LEVEL_LOW},
	{"0.305 of 1", 1, IS(0.305), ABSENT, ABSENT, NULL, 31, LEVEL_MEDIUM},
	{"0.85 of 1", 1, IS(0.85), ABSENT, ABSENT, NULL, 85, LEVEL_HIGH},
	{"0.9951 of 1", 1, IS(0.9951), ABSENT, ABSENT, NULL, 100, LEVEL_HIGH},
	{"1 of 1", 1, IS(1), ABSENT, ABSENT, NULL, 100, LEVEL_HIGH},
	{"more than 1", 1, IS(1.0000001), ABSENT, ABSENT, NOT_1, 0, 0},
	{"85 of 1", 1, IS(85), ABSENT, ABSENT, NOT_1, 0, 0},
	{"below 0 of 1", 1, IS(-0.1), ABSENT, ABSENT, NOT_1, 0, 0},

	{"is_fraud of text", 100, IS(10), WRONG, ABSENT, "is_fraud is not a boolean", 0, 0},
	{"recommendation of another word", 100, IS(10), ABSENT, WRONG, "recommendation is not APPROVE, REVIEW or BLOCK", 0, 0},
	{"the score is named first", 100, WRONG, WRONG, WRONG, NO_NUMBER, 0, 0},
	{"then is_fraud", 100, IS(10), WRONG, WRONG, "is_fraud is not a boolean", 0, 0},

	/* score and recommendation: the stricter */
	{"LOW, APPROVE", 100, IS(10), ABSENT, IS(LEVEL_LOW), NULL, 10, LEVEL_LOW},
	{"LOW, REVIEW", 100, IS(10), ABSENT, IS(LEVEL_MEDIUM), NULL, 31, LEVEL_MEDIUM},
	{"LOW, BLOCK", 100, IS(10), ABSENT, IS(LEVEL_HIGH), NULL, 61, LEVEL_HIGH},
	{"MEDIUM, APPROVE", 100, IS(45), ABSENT, IS(LEVEL_LOW), NULL, 45, LEVEL_MEDIUM},
	{"MEDIUM, REVIEW", 100, IS(45), ABSENT, IS(LEVEL_MEDIUM), NULL, 45, LEVEL_MEDIUM},
	{"MEDIUM, BLOCK", 100, IS(45), ABSENT, IS(LEVEL_HIGH), NULL, 61, LEVEL_HIGH},
	{"HIGH, APPROVE", 100, IS(90), ABSENT, IS(LEVEL_LOW), NULL, 90, LEVEL_HIGH},
	{"HIGH, REVIEW", 100, IS(90), ABSENT, IS(LEVEL_MEDIUM), NULL, 90, LEVEL_HIGH},
	{"HIGH, BLOCK", 100, IS(90), ABSENT, IS(LEVEL_HIGH), NULL, 90, LEVEL_HIGH},

	/* is_fraud with them */
	{"fraud, LOW, none stated", 100, IS(30), IS(true), ABSENT, "is_fraud is true, but risk_score is LOW", 0, 0},
	{"fraud, MEDIUM, none stated", 100, IS(31), IS(true), ABSENT, NULL, 31, LEVEL_MEDIUM},
	{"fraud, MEDIUM by rounding", 100, IS(30.5), IS(true), ABSENT, NULL, 31, LEVEL_MEDIUM},
	{"fraud, HIGH, none stated", 100, IS(90), IS(true), ABSENT, NULL, 90, LEVEL_HIGH},
	{"fraud, LOW, APPROVE", 100, IS(10), IS(true), IS(LEVEL_LOW), "is_fraud is true, but recommendation is APPROVE", 0, 0},
	{"fraud, HIGH, APPROVE", 100, IS(90), IS(true), IS(LEVEL_LOW), "is_fraud is true, but recommendation is APPROVE", 0, 0},
	{"fraud, LOW, REVIEW", 100, IS(10), IS(true), IS(LEVEL_MEDIUM), NULL, 31, LEVEL_MEDIUM},
	{"fraud, HIGH, REVIEW", 100, IS(90), IS(true), IS(LEVEL_MEDIUM), NULL, 90, LEVEL_HIGH},
	{"fraud, LOW, BLOCK", 100, IS(10), IS(true), IS(LEVEL_HIGH), NULL, 61, LEVEL_HIGH},
	{"no fraud, LOW, none stated", 100, IS(10), IS(false), ABSENT, NULL, 10, LEVEL_LOW},
	{"no fraud, HIGH, none stated", 100, IS(90), IS(false), ABSENT, NULL, 90, LEVEL_HIGH},
	{"no fraud, HIGH, APPROVE", 100, IS(90), IS(false), IS(LEVEL_LOW), NULL, 90, LEVEL_HIGH},
	{"no fraud, LOW, REVIEW", 100, IS(10), IS(false), IS(LEVEL_MEDIUM), NULL, 31, LEVEL_MEDIUM},
	{"no fraud, LOW, BLOCK", 100, IS(10), IS(false), IS(LEVEL_HIGH), "is_fraud is false, but recommendation is BLOCK", 0, 0},
	{"no fraud, HIGH, BLOCK", 100, IS(90), IS(false), IS(LEVEL_HIGH), "is_fraud is false, but recommendation is BLOCK", 0, 0},
};

static void
test_judge(void)
{
	VerdictInput input = {0};
	Verdict		verdict;

	for (size_t i = 0; i < lengthof(cases); i++)
	{
		const Case *c = &cases[i];
		const char *problem;
		VerdictInput given = {
			.object = true, .score_member = c->score_member, .score = c->score,
			.is_fraud_member = c->is_fraud_member, .is_fraud = c->is_fraud != 0,
			.recommendation_member = c->word_member, .recommendation = (RiskLevel) c->word
		};

		memset(&verdict, 0x5A, sizeof(verdict));
		problem = verdict_judge(&given, c->scale, LOW_MAX, MEDIUM_MAX, &verdict);
		if (!check(same_text(problem, c->problem) && verdict.nfactors == 0 &&
				   (problem != NULL || (verdict.score == c->want_score && verdict.level == c->want_level)), c->what))
			printf("# %s, score %d, level %d\n", problem == NULL ? "valid" : problem, verdict.score, verdict.level);
	}
	check(same_text(verdict_judge(&input, 100, LOW_MAX, MEDIUM_MAX, &verdict), "not a JSON object"), "no object");
	input.object = true;
	input.score_member = MEMBER_VALUE;
	input.score = 10;
	input.factors_member = MEMBER_WRONG;
	check(same_text(verdict_judge(&input, 100, LOW_MAX, MEDIUM_MAX, &verdict), "risk_factors is not an array"),
		  "factors of another type");
	input.factors_member = MEMBER_VALUE;
	check(verdict_judge(&input, 100, LOW_MAX, MEDIUM_MAX, &verdict) == NULL, "factors");
	check(verdict_judge(&input, 100, 5, 9, &verdict) == NULL && verdict.score == 10 && verdict.level == LEVEL_HIGH,
		  "bands of its own");
	input.recommendation_member = MEMBER_VALUE;
	input.recommendation = LEVEL_HIGH;
	check(verdict_judge(&input, 100, 98, 99, &verdict) == NULL && verdict.score == 100 && verdict.level == LEVEL_HIGH,
		  "the highest bands");
	input.score = 0;
	input.recommendation = LEVEL_MEDIUM;
	check(verdict_judge(&input, 100, 0, 1, &verdict) == NULL && verdict.score == 1 && verdict.level == LEVEL_MEDIUM,
		  "the lowest bands");
}

static void
test_words(void)
{
	static const struct
	{
		const char *text;
		int			level;		/* -1: none */
	}			words[] = {
		{"APPROVE", LEVEL_LOW}, {"REVIEW", LEVEL_MEDIUM}, {"BLOCK", LEVEL_HIGH},
		{"approve", LEVEL_LOW}, {"Review", LEVEL_MEDIUM}, {"bLOCK", LEVEL_HIGH},
		{" block", LEVEL_HIGH}, {"block\n", LEVEL_HIGH}, {"\t Approve  ", LEVEL_LOW},
		{"", -1}, {" ", -1}, {"APPROVED", -1}, {"APPROV", -1}, {"BLOC", -1}, {"DECLINE", -1}, {"RE VIEW", -1},
		{"APPROVE REVIEW", -1}, {"REV\xc4\xb0" "EW", -1}, {"\xff\xfe", -1},
	};

	for (size_t i = 0; i < lengthof(words); i++)
	{
		RiskLevel	level = LEVEL_LOW;
		bool		found = verdict_word(words[i].text, (int) strlen(words[i].text), &level);

		check(found == (words[i].level >= 0) && (!found || (int) level == words[i].level), words[i].text[0] > ' ' &&
			  !IS_HIGHBIT_SET(words[i].text[0]) ? words[i].text : "a word with blanks or none");
	}
	{
		RiskLevel	level;

		check(verdict_word("BLOCKED", 5, &level) && level == LEVEL_HIGH, "no byte behind its end is read");
	}
}

/* ---- random answers against the rules in another form ---- */

/* The tables of docs/ml.md: by is_fraud (no, false, true) and statement (none, APPROVE, REVIEW, BLOCK) for each band. */
static const char naive[3][3][4] = {
	/* none   APPROVE REVIEW BLOCK; L M H as it becomes, x: contradictory */
	{{'L', 'L', 'M', 'H'}, {'L', 'L', 'M', 'x'}, {'x', 'x', 'M', 'H'}},	/* the score is LOW */
	{{'M', 'M', 'M', 'H'}, {'M', 'M', 'M', 'x'}, {'M', 'x', 'M', 'H'}},	/* MEDIUM */
	{{'H', 'H', 'H', 'H'}, {'H', 'H', 'H', 'x'}, {'H', 'x', 'H', 'H'}},	/* HIGH */
};

/* Decimals as text, so that nothing is computed: how many steps .5 the number has reached. */
static int
naive_round(double score, int scale)
{
	int			whole = 0;

	for (int i = 0; i < 100; i++)
	{
		char		half[16];

		if (scale == 100)
			snprintf(half, sizeof(half), "%d.5", i);
		else
			snprintf(half, sizeof(half), "0.%02d5", i);
		whole += score >= strtod(half, NULL);
	}
	return whole;
}

static bool
naive_agrees(const VerdictInput *in, int scale, int low_max, int medium_max)
{
	Verdict		verdict;
	const char *problem = verdict_judge(in, scale, low_max, medium_max, &verdict);
	int			score;
	int			band;
	int			level;
	char		becomes;

	if (!in->object || in->score_member != MEMBER_VALUE || in->score != in->score ||
		in->score < 0 || in->score > scale || (scale == 100 && in->score > 0 && in->score < 1) ||
		in->is_fraud_member == MEMBER_WRONG || in->recommendation_member == MEMBER_WRONG ||
		in->factors_member == MEMBER_WRONG)
		return problem != NULL;
	score = naive_round(in->score, scale);
	band = (score > low_max) + (score > medium_max);
	becomes = naive[band][in->is_fraud_member == MEMBER_ABSENT ? 0 : 1 + in->is_fraud]
		[in->recommendation_member == MEMBER_ABSENT ? 0 : 1 + in->recommendation];
	if (becomes == 'x')
		return problem != NULL && strstr(problem, ", but ") != NULL;
	level = becomes == 'H' ? 2 : becomes == 'M';
	if (level > band)
		score = level == 2 ? medium_max + 1 : low_max + 1;
	return problem == NULL && verdict.score == score && (int) verdict.level == level &&
		(verdict.score > low_max) + (verdict.score > medium_max) == level;
}

static double
random_score(int scale)
{
	static const double odd[] = {NAN, INFINITY, -INFINITY, -0.0, 5e-324, -1, 1, 100, 100.5, 101, 1e300, 0.5};

	switch (draw(8))
	{
		case 0:
			return odd[draw(lengthof(odd))];
		case 1:
			return (double) draw(1000001) / 1000000 * scale;
		case 2:					/* the double before or behind a half */
			return nextafter(((double) draw(100) + 0.5) * scale / 100, draw(2) ? INFINITY : -INFINITY);
		default:				/* as services write them, in decimals */
			{
				char		text[32];

				snprintf(text, sizeof(text), scale == 1 ? "0.%03d" : "%d.5", (int) draw(scale == 1 ? 1000 : 100));
				return draw(2) ? strtod(text, NULL) : (double) draw(101) * scale / 100;
			}
	}
}

static void
test_random(void)
{
	static const VerdictMember members[] = {MEMBER_ABSENT, MEMBER_VALUE, MEMBER_VALUE, MEMBER_VALUE, MEMBER_WRONG};
	int			valid = 0;
	int			wrong = 0;

	for (int i = 0; i < 100000; i++)
	{
		int			scale = draw(2) ? 1 : 100;
		int			low_max = (int) draw(99);
		int			medium_max = low_max + 1 + (int) draw(99 - low_max);
		VerdictInput in = {0};
		Verdict		verdict;

		in.object = draw(50) > 0;
		in.score_member = draw(10) > 0 ? MEMBER_VALUE : members[draw(lengthof(members))];
		in.score = random_score(scale);
		in.is_fraud_member = draw(10) == 0 ? MEMBER_WRONG : (VerdictMember) draw(2);
		in.is_fraud = draw(2);
		in.recommendation_member = draw(10) == 0 ? MEMBER_WRONG : (VerdictMember) draw(2);
		in.recommendation = (RiskLevel) draw(3);
		in.factors_member = draw(20) == 0 ? MEMBER_WRONG : (VerdictMember) draw(2);
		if (!naive_agrees(&in, scale, low_max, medium_max))
		{
			if (wrong++ < 5)
				printf("# scale %d bands %d %d score %d %.17g is_fraud %d %d word %d %d factors %d\n", scale, low_max,
					   medium_max, in.score_member, in.score, in.is_fraud_member, in.is_fraud,
					   in.recommendation_member, in.recommendation, in.factors_member);
		}
		valid += verdict_judge(&in, scale, low_max, medium_max, &verdict) == NULL;
	}
	check(wrong == 0, "100,000 random answers");
	check(valid > 20000 && valid < 80000, "of which many are verdicts and many are not");
}

/* ---- what a call was ---- */

#define NO_STATUS		0, 0
#define STATUS(n)		1, n
#define NO_BODY			0, NULL
#define BODY			1, NULL
#define BAD				1, "risk_score is missing"

static const struct
{
	const char *what;
	int			body;
	const char *problem;
	int			has_status;
	int			status;
	const char *error;
	int			ticket;
	int64		latency;
	int64		timeout;
	MlOutcome	outcome;
	const char *kind;
	const char *why;
}			calls[] = {
	{"nothing", NO_BODY, NO_STATUS, NULL, 0, -1, 0, ML_NOTHING, "", "no call of ML is reported"},
	{"a latency alone", NO_BODY, NO_STATUS, NULL, 0, 60 * SEC, SEC, ML_NOTHING, "", "no call of ML is reported"},
	{"a ticket alone", NO_BODY, NO_STATUS, NULL, 1, -1, 0, ML_FAILURE, "timeout", "ML did not answer in time"},
	{"a ticket and a latency", NO_BODY, NO_STATUS, NULL, 1, 1, SEC, ML_FAILURE, "timeout", "ML did not answer in time"},

	{"a verdict", BODY, NO_STATUS, NULL, 0, -1, 0, ML_SUCCESS, "", ""},
	{"a verdict with a ticket", BODY, NO_STATUS, NULL, 1, -1, 0, ML_SUCCESS, "", ""},
	{"200", BODY, STATUS(200), NULL, 1, SEC, 30 * SEC, ML_SUCCESS, "", ""},
	{"299", BODY, STATUS(299), NULL, 0, -1, 0, ML_SUCCESS, "", ""},
	{"in the last moment", BODY, STATUS(200), NULL, 1, 30 * SEC, 30 * SEC, ML_SUCCESS, "", ""},
	{"late", BODY, STATUS(200), NULL, 1, 31 * SEC, 30 * SEC, ML_FAILURE, "timeout", "ML answered after 31 s, which is too late"},
	{"late by little", BODY, NO_STATUS, NULL, 0, 2 * SEC + 1, 2 * SEC, ML_FAILURE, "timeout", "ML answered after 2.0 s, which is too late"},
	{"late by milliseconds", BODY, NO_STATUS, NULL, 0, 999999, SEC / 2, ML_FAILURE, "timeout", "ML answered after 999 ms, which is too late"},
	{"just below 10 s", BODY, NO_STATUS, NULL, 0, 10 * SEC - 1, SEC, ML_FAILURE, "timeout", "ML answered after 9.9 s, which is too late"},
	{"late for ever", BODY, NO_STATUS, NULL, 0, PG_INT64_MAX, SEC, ML_FAILURE, "timeout", "ML answered after 9223372036854 s, which is too late"},
	{"no timeout known", BODY, STATUS(200), NULL, 1, 31 * SEC, 0, ML_SUCCESS, "", ""},
	{"no latency known", BODY, STATUS(200), NULL, 1, -1, SEC, ML_SUCCESS, "", ""},

	{"no verdict", BAD, NO_STATUS, NULL, 0, -1, 0, ML_FAILURE, "bad answer", "ML's answer is no verdict: risk_score is missing"},
	{"no verdict and 200", BAD, STATUS(200), NULL, 1, -1, 0, ML_FAILURE, "bad answer", "ML's answer is no verdict: risk_score is missing"},
	{"no verdict and late", BAD, STATUS(200), NULL, 1, 60 * SEC, SEC, ML_FAILURE, "bad answer", NULL},
	{"200 and nothing", NO_BODY, STATUS(200), NULL, 1, -1, 0, ML_FAILURE, "no answer", "ML answered 200, but no verdict came with it"},
	{"204 without a ticket", NO_BODY, STATUS(204), NULL, 0, -1, 0, ML_FAILURE, "no answer", NULL},

	{"500", NO_BODY, STATUS(500), NULL, 1, -1, 0, ML_FAILURE, "500", "ML answered 500"},
	{"503 beside a verdict", BODY, STATUS(503), NULL, 1, -1, 0, ML_FAILURE, "503", "ML answered 503"},
	{"599", BAD, STATUS(599), NULL, 0, -1, 0, ML_FAILURE, "599", "ML answered 599"},
	{"429", NO_BODY, STATUS(429), NULL, 1, -1, 0, ML_FAILURE, "429", "ML answered 429"},
	{"400", NO_BODY, STATUS(400), NULL, 1, -1, 0, ML_IGNORED, "", "ML answered 400, which says nothing about the service"},
	{"404 beside a verdict", BODY, STATUS(404), NULL, 0, -1, 0, ML_IGNORED, "", NULL},
	{"422, late", BAD, STATUS(422), NULL, 1, 60 * SEC, SEC, ML_IGNORED, "", NULL},
	{"428", NO_BODY, STATUS(428), NULL, 0, -1, 0, ML_IGNORED, "", NULL},
	{"430", NO_BODY, STATUS(430), NULL, 0, -1, 0, ML_IGNORED, "", NULL},
	{"499", NO_BODY, STATUS(499), NULL, 0, -1, 0, ML_IGNORED, "", NULL},
	{"302", BODY, STATUS(302), NULL, 1, -1, 0, ML_FAILURE, "status 302", "ML answered 302"},
	{"300", NO_BODY, STATUS(300), NULL, 0, -1, 0, ML_FAILURE, "status 300", NULL},
	{"100", NO_BODY, STATUS(100), NULL, 0, -1, 0, ML_FAILURE, "status 100", NULL},
	{"199", BODY, STATUS(199), NULL, 0, -1, 0, ML_FAILURE, "status 199", NULL},
	{"99", BODY, STATUS(99), NULL, 0, -1, 0, ML_FAILURE, "bad status", "ML answered 99, which is no status of HTTP"},
	{"600", NO_BODY, STATUS(600), NULL, 0, -1, 0, ML_FAILURE, "bad status", NULL},
	{"0", BODY, STATUS(0), NULL, 0, -1, 0, ML_FAILURE, "bad status", NULL},
	{"the least number", BODY, STATUS(PG_INT32_MIN), NULL, 0, -1, 0, ML_FAILURE, "bad status",
	"ML answered -2147483648, which is no status of HTTP"},

	{"timeout", NO_BODY, NO_STATUS, "timeout", 1, -1, 0, ML_FAILURE, "timeout", "ML did not answer in time"},
	{"connection", NO_BODY, NO_STATUS, "connection", 0, -1, 0, ML_FAILURE, "connection", "the call of ML failed: connection"},
	{"an error beside a verdict", BODY, STATUS(200), "connection", 1, 1, SEC, ML_FAILURE, "connection", NULL},
	{"an error beside 404", NO_BODY, STATUS(404), "dns", 1, -1, 0, ML_FAILURE, "dns", NULL},
	{"an empty word", NO_BODY, NO_STATUS, "", 0, -1, 0, ML_FAILURE, "error", "the call of ML failed: error"},
	{"a long word", NO_BODY, NO_STATUS, "connection refused by the peer", 0, -1, 0, ML_FAILURE, "connection refused by t", NULL},
	{"a word of as much as fits", NO_BODY, NO_STATUS, "12345678901234567890123", 0, -1, 0, ML_FAILURE, "12345678901234567890123", NULL},
	{"bytes that are not ASCII", NO_BODY, NO_STATUS, "z\xc3\xa4h\n\x7f\x01", 0, -1, 0, ML_FAILURE, "z??h???", "the call of ML failed: z??h???"},
	{"skipped", NO_BODY, NO_STATUS, "skipped", 1, -1, 0, ML_IGNORED, "", "the call of ML was skipped"},
	{"skipped, whatever else", BAD, STATUS(503), "skipped", 0, 60 * SEC, SEC, ML_IGNORED, "", "the call of ML was skipped"},
	{"skipped beside a verdict", BODY, STATUS(200), "skipped", 1, -1, 0, ML_IGNORED, "", NULL},
	{"another word for skipped", NO_BODY, NO_STATUS, "SKIPPED", 1, -1, 0, ML_FAILURE, "SKIPPED", NULL},
};

static void
test_calls(void)
{
	char		problem[200];
	MlReport	report = {.body = true, .problem = problem, .latency = -1};
	MlJudgement judgement;

	for (size_t i = 0; i < lengthof(calls); i++)
	{
		MlReport	given = {
			.body = calls[i].body, .problem = calls[i].problem, .has_status = calls[i].has_status,
			.status = calls[i].status, .error = calls[i].error, .ticket = calls[i].ticket,
			.latency = calls[i].latency, .timeout = calls[i].timeout
		};

		memset(&judgement, 0x5A, sizeof(judgement));
		ml_judge(&given, &judgement);
		if (!check(judgement.outcome == calls[i].outcome && strcmp(judgement.kind, calls[i].kind) == 0 &&
				   (calls[i].why == NULL || strcmp(judgement.why, calls[i].why) == 0), calls[i].what))
			printf("# outcome %d kind \"%s\" why \"%s\"\n", judgement.outcome, judgement.kind, judgement.why);
	}

	/* what is too long for a sentence is cut */
	memset(problem, 'x', sizeof(problem) - 1);
	problem[sizeof(problem) - 1] = '\0';
	ml_judge(&report, &judgement);
	check(strlen(judgement.why) == sizeof(judgement.why) - 1, "a long problem is cut");
}

/* Every combination once: exactly one outcome, and texts that go with it. */
static void
test_all_calls(void)
{
	static const int statuses[] = {-1, 0, 99, 100, 199, 200, 204, 299, 300, 399, 400, 404, 428, 429, 430, 499, 500, 599, 600};
	static const char *const errors[] = {NULL, "skipped", "timeout", ""};
	int			wrong = 0;
	int			n = 0;

	for (size_t s = 0; s <= lengthof(statuses); s++)
		for (size_t e = 0; e < lengthof(errors); e++)
			for (int bits = 0; bits < 16; bits++)
			{
				MlReport	r = {
					.body = bits & 1, .problem = bits & 2 ? "x" : NULL, .has_status = s < lengthof(statuses),
					.status = s < lengthof(statuses) ? statuses[s] : 0, .error = errors[e], .ticket = bits & 4,
					.latency = bits & 8 ? 2 : -1, .timeout = 1
				};
				bool		good_status = !r.has_status || r.status / 100 == 2;
				MlOutcome	want = ML_FAILURE;
				MlJudgement j;

				if (r.error != NULL)
					want = strcmp(r.error, "skipped") == 0 ? ML_IGNORED : ML_FAILURE;
				else if (r.has_status && r.status / 100 == 4 && r.status != 429)
					want = ML_IGNORED;
				else if (good_status && r.body && r.problem == NULL && r.latency < 0)
					want = ML_SUCCESS;
				else if (!r.has_status && !r.body && !r.ticket)
					want = ML_NOTHING;
				ml_judge(&r, &j);
				n++;
				wrong += j.outcome != want || (j.kind[0] != '\0') != (want == ML_FAILURE) ||
					(j.why[0] == '\0') != (want == ML_SUCCESS);
			}
	check(wrong == 0 && n == 20 * 4 * 16, "every combination has its outcome");
}

int
main(void)
{
	test_judge();
	test_words();
	test_random();
	test_calls();
	test_all_calls();
	return tap_end();
}
