/*-------------------------------------------------------------------------
 *
 * ml_outcome.c
 *	  What a call of the ML service was for its circuit.
 *
 * The caller's own word comes first, then the status, then the answer: a
 * service that says 503 is down, whatever it sends with it. docs/ml.md has the
 * whole table.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "ml/verdict.h"

#define MSEC			INT64CONST(1000)
#define SEC				(1000 * MSEC)

static void judged(MlJudgement *judgement, MlOutcome outcome, const char *kind,
				   const char *fmt,...) pg_attribute_printf(4, 5);

static void
judged(MlJudgement *judgement, MlOutcome outcome, const char *kind, const char *fmt,...)
{
	va_list		args;

	judgement->outcome = outcome;
	strlcpy(judgement->kind, kind, sizeof(judgement->kind));
	va_start(args, fmt);
	vsnprintf(judgement->why, sizeof(judgement->why), fmt, args);
	va_end(args);
}

/* Printable ASCII, as databases of any encoding share it. */
static void
kind_of_word(const char *word, char *kind)
{
	int			n = 0;

	for (; word[n] != '\0' && n < ML_KIND_MAX - 1; n++)
		kind[n] = word[n] >= ' ' && word[n] < 0x7f ? word[n] : '?';
	kind[n] = '\0';
	if (n == 0)
		strlcpy(kind, "error", ML_KIND_MAX);
}

static void
judge_error(const char *word, MlJudgement *judgement)
{
	char		kind[ML_KIND_MAX];

	kind_of_word(word, kind);
	if (strcmp(kind, "timeout") == 0)
		judged(judgement, ML_FAILURE, kind, "ML did not answer in time");
	else
		judged(judgement, ML_FAILURE, kind, "the call of ML failed: %s", kind);
}

/* Of every status but 2xx. */
static void
judge_status(int status, MlJudgement *judgement)
{
	char		kind[ML_KIND_MAX];

	if (status < 100 || status > 599)
		judged(judgement, ML_FAILURE, "bad status", "ML answered %d, which is no status of HTTP", status);
	else if (status >= 500 || status == 429)
	{
		snprintf(kind, sizeof(kind), "%d", status);
		judged(judgement, ML_FAILURE, kind, "ML answered %d", status);
	}
	else if (status >= 400)
		judged(judgement, ML_IGNORED, "", "ML answered %d, which says nothing about the service", status);
	else
	{
		snprintf(kind, sizeof(kind), "status %d", status);
		judged(judgement, ML_FAILURE, kind, "ML answered %d", status);
	}
}

static void
judge_late(int64 latency, MlJudgement *judgement)
{
	if (latency >= 10 * SEC)
		judged(judgement, ML_FAILURE, "timeout", "ML answered after " INT64_FORMAT " s, which is too late",
			   latency / SEC);
	else if (latency >= SEC)
		judged(judgement, ML_FAILURE, "timeout", "ML answered after %.1f s, which is too late",
			   (double) (latency / (SEC / 10)) / 10);
	else
		judged(judgement, ML_FAILURE, "timeout", "ML answered after " INT64_FORMAT " ms, which is too late",
			   latency / MSEC);
}

void
ml_judge(const MlReport *report, MlJudgement *judgement)
{
	memset(judgement, 0, sizeof(*judgement));
	if (report->error != NULL && strcmp(report->error, "skipped") == 0)
		judged(judgement, ML_IGNORED, "", "the call of ML was skipped");
	else if (report->error != NULL)
		judge_error(report->error, judgement);
	else if (report->has_status && (report->status < 200 || report->status > 299))
		judge_status(report->status, judgement);
	else if (report->body && report->problem != NULL)
		judged(judgement, ML_FAILURE, "bad answer", "ML's answer is no verdict: %s", report->problem);
	else if (report->body && report->latency >= 0 && report->timeout > 0 && report->latency > report->timeout)
		judge_late(report->latency, judgement);
	else if (report->body)
		judgement->outcome = ML_SUCCESS;
	else if (report->has_status)
		judged(judgement, ML_FAILURE, "no answer", "ML answered %d, but no verdict came with it", report->status);
	else if (report->ticket)
		judged(judgement, ML_FAILURE, "timeout", "ML did not answer in time");
	else
		judged(judgement, ML_NOTHING, "", "no call of ML is reported");
}
