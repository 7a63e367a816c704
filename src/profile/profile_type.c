/*-------------------------------------------------------------------------
 *
 * profile_type.c
 *	  The type fraud_profile: in and out, equality, merging.
 *
 * Text form: the image in hexadecimal, without the length word. Binary form:
 * the same bytes. Both are checked
 * byte for byte on the way in.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"

#include "core/compat.h"
#include "profile/profile_type.h"

void
profile_from_datum(Datum value, ProfileState *state)
{
	struct varlena *image = PG_DETOAST_DATUM(value);
	const char *why;

	if (!profile_decode((const char *) image, VARSIZE(image), state, &why))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("fraud_profile value is damaged"),
				 errdetail("The value cannot be read: %s.", why),
				 errhint("Rebuild it from its transactions.")));
}

Datum
profile_to_datum(const ProfileState *state)
{
	char	   *image = palloc(PROFILE_BUFFER_SIZE);

	SET_VARSIZE(image, profile_encode(state, image));
	return PointerGetDatum(image);
}

/*
 * The state written last by an aggregate that is still running. In a window
 * query the profile goes straight to fraud_score(), which so saves decoding.
 */
static struct
{
	const ProfileState *state;	/* NULL: none */
	size_t		size;
	char		image[PROFILE_BUFFER_SIZE];
}			recent;

Datum
profile_to_datum_remember(const ProfileState *state)
{
	char	   *image;

	recent.state = NULL;
	recent.size = profile_encode(state, recent.image);
	SET_VARSIZE(recent.image, recent.size);
	image = palloc(recent.size);
	memcpy(image, recent.image, recent.size);
	recent.state = state;
	return PointerGetDatum(image);
}

void
profile_forget(const ProfileState *state)
{
	if (recent.state == state)
		recent.state = NULL;
}

const ProfileState *
profile_read(struct varlena *image, ProfileState *room)
{
	if (recent.state != NULL && VARSIZE(image) == recent.size &&
		memcmp(image, recent.image, recent.size) == 0)
		return recent.state;
	profile_from_datum(PointerGetDatum(image), room);
	return room;
}

void
profile_require_basis(const ProfileState *state, uint64 basis)
{
	if (state->basis != basis)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("fraud_profile values have different bases"),
				 errdetail("One was built under basis %016llx, the other is %016llx.",
						   (unsigned long long) state->basis, (unsigned long long) basis),
				 errhint("Columns, status words, currency, rates, time zone or weekend of the policy differ; build both under one policy.")));
}

/* An image from bytes that came from outside, or NULL with *why set. */
static char *
foreign_image(const char *bytes, size_t len, const char **why)
{
	ProfileState state;
	char	   *image;

	if (len + VARHDRSZ > PROFILE_MAX_SIZE)
	{
		*why = "it is too long";
		return NULL;
	}
	image = palloc(len + VARHDRSZ);
	SET_VARSIZE(image, len + VARHDRSZ);
	memcpy(image + VARHDRSZ, bytes, len);
	return profile_decode_foreign(image, len + VARHDRSZ, &state, why) ? image : NULL;
}

PG_FUNCTION_INFO_V1(fraud_profile_in);
Datum
fraud_profile_in(PG_FUNCTION_ARGS)
{
	const char *s = PG_GETARG_CSTRING(0);
	size_t		len = strlen(s);
	const char *why = NULL;
	char	   *image = NULL;
	char		bytes[PROFILE_MAX_SIZE];
	size_t		i;

	if (len % 2 != 0 || len / 2 > PROFILE_MAX_SIZE - VARHDRSZ)
		why = len % 2 != 0 ? "it has an odd number of digits" : "it is too long";
	for (i = 0; why == NULL && i < len / 2; i++)
	{
		int			v = 0;
		int			j;

		for (j = 0; j < 2; j++)
		{
			char		c = s[2 * i + j];

			if (c >= '0' && c <= '9')
				v = v * 16 + (c - '0');
			else if (c >= 'a' && c <= 'f')
				v = v * 16 + (c - 'a' + 10);
			else
				why = "it is not written in lower-case hexadecimal";
		}
		bytes[i] = (char) v;
	}
	if (why == NULL)
		image = foreign_image(bytes, len / 2, &why);
	if (image == NULL)
		ereturn(FRAUD_ESCONTEXT(fcinfo), (Datum) 0,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input for type %s", "fraud_profile"),
				 errdetail("The value cannot be a profile: %s.", why),
				 errhint("Profiles are made by fraud_profile(), fraud_observe() and ||, not by hand.")));
	PG_RETURN_POINTER(image);
}

PG_FUNCTION_INFO_V1(fraud_profile_out);
Datum
fraud_profile_out(PG_FUNCTION_ARGS)
{
	struct varlena *image = PG_GETARG_VARLENA_P(0);
	size_t		len = VARSIZE(image) - VARHDRSZ;
	char	   *s = palloc(2 * len + 1);

	s[hex_encode(VARDATA(image), len, s)] = '\0';
	PG_RETURN_CSTRING(s);
}

PG_FUNCTION_INFO_V1(fraud_profile_recv);
Datum
fraud_profile_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int			len = buf->len - buf->cursor;
	const char *why = NULL;
	char	   *image = foreign_image(pq_getmsgbytes(buf, len), len, &why);

	if (image == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid binary input for type %s", "fraud_profile"),
				 errdetail("The value cannot be a profile: %s.", why)));
	PG_RETURN_POINTER(image);
}

PG_FUNCTION_INFO_V1(fraud_profile_send);
Datum
fraud_profile_send(PG_FUNCTION_ARGS)
{
	struct varlena *image = PG_GETARG_VARLENA_P(0);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendbytes(&buf, VARDATA(image), VARSIZE(image) - VARHDRSZ);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

static bool
profiles_equal(FunctionCallInfo fcinfo)
{
	struct varlena *a = PG_GETARG_VARLENA_P(0);
	struct varlena *b = PG_GETARG_VARLENA_P(1);

	return VARSIZE(a) == VARSIZE(b) &&
		memcmp(VARDATA(a), VARDATA(b), VARSIZE(a) - VARHDRSZ) == 0;
}

PG_FUNCTION_INFO_V1(fraud_profile_eq);
Datum
fraud_profile_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(profiles_equal(fcinfo));
}

PG_FUNCTION_INFO_V1(fraud_profile_ne);
Datum
fraud_profile_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!profiles_equal(fcinfo));
}

PG_FUNCTION_INFO_V1(fraud_profile_hash);
Datum
fraud_profile_hash(PG_FUNCTION_ARGS)
{
	struct varlena *a = PG_GETARG_VARLENA_P(0);

	return hash_any((unsigned char *) VARDATA(a), VARSIZE(a) - VARHDRSZ);
}

/* Not strict: NULL, "nothing remembered", adds nothing. */
PG_FUNCTION_INFO_V1(fraud_profile_concat);
Datum
fraud_profile_concat(PG_FUNCTION_ARGS)
{
	ProfileState a;
	ProfileState b;

	if (PG_ARGISNULL(0) && PG_ARGISNULL(1))
		PG_RETURN_NULL();
	if (PG_ARGISNULL(0))
		PG_RETURN_DATUM(PG_GETARG_DATUM(1));
	if (PG_ARGISNULL(1))
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));

	profile_from_datum(PG_GETARG_DATUM(0), &a);
	profile_from_datum(PG_GETARG_DATUM(1), &b);
	/* what nobody looked at stays unknown, whatever is added */
	if (a.unavailable)
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	if (b.unavailable)
		PG_RETURN_DATUM(PG_GETARG_DATUM(1));
	profile_require_basis(&a, b.basis);
	profile_merge(&a, &b);
	PG_RETURN_DATUM(profile_to_datum(&a));
}

PG_FUNCTION_INFO_V1(fraud_profile_unavailable);
Datum
fraud_profile_unavailable(PG_FUNCTION_ARGS)
{
	ProfileState state;

	profile_init(&state, 0);
	state.unavailable = true;
	PG_RETURN_DATUM(profile_to_datum(&state));
}
