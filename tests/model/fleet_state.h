/* fleet_state: one state of the fleet; only fleet*.c include it. Every byte of it counts in the search's hash, so there
 * is no padding, and what means nothing any more is zero. */
#ifndef MODEL_FLEET_STATE_H
#define MODEL_FLEET_STATE_H

#include "model/fleet.h"

enum { FLEET_SERVERS = 2, FLEET_PROCESSES = 2, EPOCHS_MAX = 15 };

enum phase {
    UNSETTLED,      /* to read the record */
    RECORD_READ,    /* to ask the durable store */
    DECLARED,       /* in the durable row; to be written to Redis */
    DECLARED_AWAY,  /* in no row (rule 11); to be written to Redis */
    RECORD_WRITTEN, /* to be marked as used */
    SETTLED,
};

enum record_kind { RECORD_MISSING, RECORD_FOREIGN, RECORD_RIGHT };

/* In Redis, under the key `e`. */
struct record {
    uint8_t epoch; /* 0: there is none */
    uint8_t run;
    uint8_t parent; /* rule 11; 0: none */
    uint8_t floor;  /* rule 11: up to this everything is guarded */
    uint8_t expiry; /* by the server's clock: gone when it is later */
    uint8_t kept;   /* nonces, for so long */
};

struct server {
    uint16_t nonces;       /* the epochs under which the request's nonce is there */
    uint16_t short_nonces; /* the same: kept for SMALL_SKEW only */
    struct record record;
    uint8_t run;
    int8_t clock; /* ahead of the truth */
};

struct process {
    uint64_t written, guarded; /* of the durable row, as this process knows it */
    uint8_t is_alive;
    uint8_t phase;
    uint8_t server; /* connected to; 0: none */
    uint8_t epoch;  /* settled on, or declared */
    uint8_t home;   /* the durable epoch that it was settled on last */
    uint8_t floor;
    int8_t view;   /* the server's clock at the last TIME */
    int8_t anchor; /* and when it settled on the epoch */
    uint8_t must_change;
    uint8_t read, read_kind, read_parent, read_floor; /* the record that was read */
    uint8_t steady, steady_at;                        /* the store's clock at the last anchor of steady time; 0: none */
    uint8_t let_in;                                   /* by rule 8, since then */
    uint8_t raise_epoch;                              /* of a commit that was sent and has not landed; 0: none */
    uint8_t is_pending;                               /* its SADD was new, the GET is not answered yet */
    uint8_t away_since;                               /* the durable store does not answer this process; 0: it does */
    uint8_t skew;
    uint8_t kept, read_kept; /* in its epoch, in that of the record */
    uint8_t unused[2];
};

/* Of nonce_users. */
struct user_row {
    uint8_t is_there;
    uint8_t clock; /* the store's when it was written */
    uint8_t at;    /* by the machine's steady clock */
    uint8_t is_of_old_boot;
};

struct fleet {
    uint64_t written, guarded; /* the durable row's ranges */
    struct process processes[FLEET_PROCESSES];
    struct server servers[FLEET_SERVERS];
    struct user_row users[FLEET_PROCESSES];
    uint8_t epoch, is_used, run; /* the durable row */
    uint8_t now;
    uint8_t active; /* the server that the address leads to */
    uint8_t accepted;
    uint8_t faults; /* left */
    uint8_t split_for;
    uint8_t stamp;
    uint8_t unused[7];
    uint8_t names[8]; /* of the processes, for traces: they change places, since they are alike */
};

extern struct fleet_options fleet_options;

static inline bool is_broken(enum fleet_fault_in_rules rule)
{
    return fleet_options.broken == (unsigned)rule;
}

/* ---- what a process does, each one step; false: it cannot now ---- */

bool process_start(struct fleet *fleet, unsigned number);
bool process_read(struct fleet *fleet, unsigned number, bool is_new_connection);
bool process_decide(struct fleet *fleet, unsigned number);
bool process_write(struct fleet *fleet, unsigned number);
bool process_mark_used(struct fleet *fleet, unsigned number);
bool process_refresh(struct fleet *fleet, unsigned number);
bool process_adopt(struct fleet *fleet, unsigned number);
bool process_stop(struct fleet *fleet, unsigned number);
void process_kill(struct fleet *fleet, unsigned number);
void process_disconnect(struct process *process);
/* The old primary, where the address leads to another. */
bool process_leave(struct fleet *fleet, unsigned number);
/* Once in each tick. */
void process_watch(struct fleet *fleet, struct process *process);

bool process_raise(struct fleet *fleet, unsigned number);
bool process_land(struct fleet *fleet, unsigned number);
bool process_spend(struct fleet *fleet, unsigned number);
bool process_take_verdict(struct fleet *fleet, unsigned number);
/* FLEET_DENIAL: a request with that timestamp, all at once. */
bool process_serve(struct fleet *fleet, unsigned number, int stamp);

uint64_t fleet_range(const struct fleet *fleet, int low, int high);
/* What is past its time on the servers. */
void fleet_expire(struct fleet *fleet);
void server_forget(struct server *server);
void fleet_tick(struct fleet *fleet);
uint8_t fleet_new_epoch(const struct fleet *fleet);
/* Equal states become the same bytes. */
void fleet_normalize(struct fleet *fleet);
bool fleet_recovers(const struct fleet *fleet);

/* Of a record, by how long the nonces of its epoch are kept. */
static inline int record_life(int kept)
{
    return kept / 2 < RECORD_LIFE ? kept / 2 : RECORD_LIFE;
}

/* Whether the epoch of the record that was read keeps nonces for as long as this process needs. */
static inline bool process_can_share(const struct process *process)
{
    return process->read_kept >= 2 * process->skew || is_broken(KEPT_IGNORED);
}

static inline bool process_reaches_durable(const struct process *process)
{
    return process->away_since == 0;
}

static inline struct server *process_server(struct fleet *fleet, const struct process *process)
{
    return &fleet->servers[process->server - 1];
}

#endif
