/* SPDX-License-Identifier: MIT */
/* See crowd_chance.h. */
#include "tests/sql/crowd_chance.h"

#include <math.h>

static uint64_t
mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

double
luck(const struct crowd *c, int guest, int hop, enum question q)
{
    uint64_t x = mix(mix(mix(c->plan.seed) + (uint64_t)guest) + (uint64_t)hop * 64 + (uint64_t)q);

    return (double)(x >> 11) * 0x1p-53;
}

int64_t
exponential(double u, int64_t mean)
{
    return (int64_t)(-log(1 - u) * (double)mean);
}

int64_t
work_of(const struct crowd *c, int guest, int hop)
{
    double u = luck(c, guest, hop, WORK), v = luck(c, guest, hop, WORK2);
    double z = sqrt(-2 * log(1 - u)) * cos(2 * 3.14159265358979 * v);

    return (int64_t)(exp(log(10) - 0.32 + 0.8 * z) * (double)MINUTE);
}

void
draw_arrivals(struct crowd *c, int64_t now, int64_t *ret_arrives)
{
    double hops = c->plan.plain ? 1 : 1.55;
    int64_t mean = (int64_t)(10 * (double)MINUTE * hops / (c->plan.agents * c->plan.busy)), at = now;
    int burst = 0, flow = 0;

    for (int i = 0; i < c->plan.guests; i++) {
        if (burst > 0) {
            burst--;
        } else {
            at += exponential(luck(c, i, 0, GAP), mean);
            flow = (int)(luck(c, i, 0, FLOW) * c->plan.flows);
            burst = luck(c, i, 0, IS_BURST) < 1.0 / (c->plan.burst > 0 ? 100 : 300) ? BURST : 0;
        }
        ret_arrives[i] = at;
        c->guest[i] = (struct crowd_guest){.flow = flow, .ruled = true, .turn = -1};
    }
}
