/*-------------------------------------------------------------------------
 *
 * service_tasks.h
 *	  The service as a subsystem: settings, shared memory, the worker's part.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_SERVICE_SERVICE_TASKS_H
#define FRAUD_SERVICE_SERVICE_TASKS_H

extern void service_tasks_init(void);

#endif							/* FRAUD_SERVICE_SERVICE_TASKS_H */
