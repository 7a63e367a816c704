/*-------------------------------------------------------------------------
 *
 * circuit_tasks.h
 *	  Circuits as a subsystem: settings, shared memory, the worker's part.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CIRCUIT_CIRCUIT_TASKS_H
#define FRAUD_CIRCUIT_CIRCUIT_TASKS_H

extern void circuit_tasks_init(void);

#endif							/* FRAUD_CIRCUIT_CIRCUIT_TASKS_H */
