/* SPDX-License-Identifier: MIT-0 */
/* Evidence accumulation.  In: the sizes of the task, a seed and numbers of trial and step.  Out:
   spikes and the right answer.  */
#include "evidence.h"

#include "etrace_random.h"

/* The numbers of a trial come from two streams of their own: sides, and spikes.  */
enum { SIDES = 0, SPIKES = 1, N_STREAMS = 2 };

const evidence_task evidence_standard = {
    .group = 10, .cues = 7, .cue_steps = 100, .pause_steps = 50, .delay_steps = 1050,
    .recall_steps = 150, .p_side = 0.7f, .rate = 0.04f, .noise = 0.01f};

static int recall_begins(const evidence_task *task)
{
    return task->cues * (task->cue_steps + task->pause_steps) + task->delay_steps;
}

int evidence_steps(const evidence_task *task)
{
    return recall_begins(task) + task->recall_steps;
}

int evidence_inputs(const evidence_task *task)
{
    return 4 * task->group;
}

evidence_trial evidence_draw(const evidence_task *task, uint64_t seed, uint32_t number)
{
    const uint32_t stream = N_STREAMS * number + SIDES;
    const int side = etr_uniform_f32(seed, stream, 0) < 0.5f;
    evidence_trial trial = {.seed = seed, .number = number};
    int n_right = 0;

    for (int k = 0; k < task->cues; k++) {
        const int here = etr_uniform_f32(seed, stream, 1 + (uint64_t)k) < task->p_side;
        const int right = here ? side : !side;
        trial.right |= (uint32_t)right << k;
        n_right += right;
    }
    trial.answer = 2 * n_right > task->cues;
    return trial;
}

/* The group that is on in step T, apart from the noise; -1: none.  */
static int group_on(const evidence_task *task, const evidence_trial *trial, int t)
{
    const int interval = task->cue_steps + task->pause_steps;
    const int cue = t / interval;

    if (t >= recall_begins(task))
        return 2;
    if (cue >= task->cues || t % interval >= task->cue_steps)
        return -1;
    return (int)(trial->right >> cue & 1);
}

int evidence_input(const evidence_task *task, const evidence_trial *trial, int t, float *x)
{
    const int n = evidence_inputs(task), on = group_on(task, trial, t);
    const uint32_t stream = N_STREAMS * trial->number + SPIKES;

    for (int i = 0; i < n; i++) {
        const int which = i / task->group;
        const float chance = which == 3 ? task->noise : which == on ? task->rate : 0.0f;
        const uint64_t index = (uint64_t)t * (uint64_t)n + (uint64_t)i;
        x[i] = chance > 0 && etr_uniform_f32(trial->seed, stream, index) < chance ? 1.0f : 0.0f;
    }
    return t >= recall_begins(task);
}
