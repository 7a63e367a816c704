/*-------------------------------------------------------------------------
 *
 * feature_columns.h
 *	  Names and types of the columns of fraud_features.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_SCORE_FEATURE_COLUMNS_H
#define FRAUD_SCORE_FEATURE_COLUMNS_H

typedef struct FeatureColumn
{
	const char *name;
	Oid			type;
} FeatureColumn;

extern const FeatureColumn *feature_column(int i);

#endif							/* FRAUD_SCORE_FEATURE_COLUMNS_H */
