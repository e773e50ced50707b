/* SPDX-License-Identifier: MIT-0 */
/* Evidence accumulation, the task of Bellec, Scherr, Subramoney, Hajek, Salaj, Legenstein and
   Maass, "A solution to the learning dilemma for recurrent networks of spiking neurons", Nature
   Communications 11, 3625 (2020), after the behaviour of mice in a corridor (Morcos and Harvey,
   2016).

   A few cues come one after another, each from the left or from the right; then, for long, nothing
   comes but noise; then a recall signal asks on which side there were more.  Input are spikes of
   four groups of neurons: left cue, right cue, recall, noise.

   A trial is a function of the task, a seed and a number alone: nothing is stored, and every step
   of every trial can be asked for in any order.  */
#ifndef EXAMPLES_EVIDENCE_H
#define EXAMPLES_EVIDENCE_H

#include <stdint.h>

typedef struct {
    int group;        /* neurons in each of the four groups */
    int cues;         /* an odd number, so that there is an answer; at most 31 */
    int cue_steps;    /* of each cue */
    int pause_steps;  /* without one, after it */
    int delay_steps;  /* between the last pause and the recall */
    int recall_steps; /* at the end: here the answer is asked for */
    float p_side;     /* chance of a cue to be on the trial's side */
    float rate;       /* chance of a spike a step, of the neurons of a group that is on */
    float noise;      /* the same of the noise group, always */
} evidence_task;

/* With steps of 1 ms: 7 cues of 100 ms every 150 ms, 1,050 ms of delay, 150 ms of recall, groups of
   10 neurons that fire at 40 Hz, noise at 10 Hz; 70 % of the cues on the trial's side.  */
extern const evidence_task evidence_standard;

typedef struct {
    uint64_t seed;
    uint32_t number;
    uint32_t right; /* bit k: cue k comes from the right */
    int answer;     /* 0: more cues from the left, 1: from the right */
} evidence_trial;

/* Steps of a trial, and neurons.  */
int evidence_steps(const evidence_task *task);
int evidence_inputs(const evidence_task *task);

evidence_trial evidence_draw(const evidence_task *task, uint64_t seed, uint32_t number);

/* The spikes of step T, each 0 or 1, into X of evidence_inputs.  Returns 1 in the recall, where the
   answer is asked for, else 0.  */
int evidence_input(const evidence_task *task, const evidence_trial *trial, int t, float *x);

#endif
