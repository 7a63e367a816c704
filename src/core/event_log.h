/*-------------------------------------------------------------------------
 *
 * event_log.h
 *	  The worker's tasks that empty the ring of events; see event_log.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CORE_EVENT_LOG_H
#define FRAUD_CORE_EVENT_LOG_H

/* Name of this server in events: fraud_fallback.node_name or what stands in for it. */
extern const char *event_node(void);

extern void event_log_init(void);

#endif							/* FRAUD_CORE_EVENT_LOG_H */
