m4_dnl SPDX-License-Identifier: MIT-0
m4_dnl
m4_dnl Sequences: what drives the functions of model.c.m4 over time.

m4_dnl et_check(BODY)
m4_dnl --------------
m4_dnl The inside of a function that looks at what a step reads.
m4_define(«et_check», «{
@+
int good = 1;
et_unused_$1«»et_if(et_value(batched), «for (int b = 0; b < et_value(batch); b++) {
@+
if (length && t >= length[b])
    continue;
et_body_$1«»@-
}
», «et_body_$1«»»)return good;
@-
}
»)m4_dnl

m4_dnl et_e_type, et_e, et_scale_type, et_scale
m4_dnl ---------------------------------------
m4_dnl The trace, where there is one, and what losses are multiplied with for their mean, as parameters
m4_dnl and as arguments.
m4_define(«et_e_type», «et_if(et_value(has_trace), « et_value(name)_trace *e,»)»)m4_dnl
m4_define(«et_e», «et_if(et_value(has_trace), « e,»)»)m4_dnl
m4_define(«et_scale_type», «et_if(et_value(mean), «, et_value(real) scale»)»)m4_dnl
m4_define(«et_scale», «et_if(et_value(mean), «, scale»)»)m4_dnl

m4_dnl et_at_step
m4_dnl ----------
m4_dnl What a step of a block that meets the loss has beside its inputs.
m4_define(«et_at_step», «    const et_value(name)_target *target = &seq->target[at];
et_if(et_value(batched), «    et_value(real) weight[et_value(batch)];
    weights_at(seq, at«»et_scale, weight);
», «    const et_value(real) weight = weight_at(seq, at«»et_scale);
»)»)m4_dnl

m4_dnl et_samples, et_at(T), et_weights, et_set_weights(T), et_weight_at(T)
m4_dnl ---------------------------------------------------------------------
m4_dnl For a batch: which samples are there, as parameters, and at step T, as arguments; an array of what their
m4_dnl losses count, and a line that fills it for step T.  What the loss of step T counts, as an argument.
m4_define(«et_samples», «et_if(et_value(batched), «, const size_t *length, size_t t»)»)m4_dnl
m4_define(«et_at», «et_if(et_value(batched), «, q->length, $1»)»)m4_dnl
m4_define(«et_weights», «et_if(et_value(batched), «    et_value(real) weight[et_value(batch)];
»)»)m4_dnl
m4_define(«et_set_weights», «et_if(et_value(batched), «weights_at(q, $1«»et_scale, weight);
»)»)m4_dnl
m4_define(«et_weight_at», «et_if(et_value(batched), «, weight, q->length, $1», «, weight_at(q, $1«»et_scale)»)»)m4_dnl

m4_dnl et_step(T)
m4_dnl ----------
m4_dnl Step T forward.
m4_define(«et_step», «et_if(et_value(batched), «step_samples», «et_value(name)_step»)(p, s, &q->in[$1], output_at(q, $1)«»et_at(«$1»));»)m4_dnl
et_file(1, «sequence.c.m4»)

/* --- sequences -------------------------------------------------------------------------- */

et_if(et_value(has_reals), «/* Is none of N numbers NaN or infinite?  Looks at the bits, so that no option of a compiler takes
   the answer away.  */
static int all_finite(const et_value(real) *x, size_t n)
{
    const et_if(et_value(single), «uint32_t exponent = UINT32_C(0x7f800000)», «uint64_t exponent = UINT64_C(0x7ff0000000000000)»);
    int bad = 0;
    for (size_t i = 0; i < n; i++) {
        et_if(et_value(single), «uint32_t», «uint64_t») bits;
        memcpy(&bits, &x[i], sizeof bits);
        bad |= (bits & exponent) == exponent;
    }
    return !bad;
}

»)m4_dnl
static int input_is_good(const et_value(name)_input *in«»et_samples)
et_check(«check_input»)m4_dnl
et_if(et_value(has_loss), «
static int target_is_good(const et_value(name)_target *target«»et_samples)
et_check(«check_target»)»)m4_dnl
et_if(et_value(has_loss), «
et_if(et_value(batched), «/* What the losses of step T count.  */
static void weights_at(const et_value(name)_sequence *q, size_t t«»et_scale_type, et_value(real) *weight)
{
    for (size_t b = 0; b < et_value(batch); b++)
        weight[b] = et_if(et_value(mean), «scale * (q->weight ? q->weight[t * et_value(batch) + b] : 1)», «q->weight ? q->weight[t * et_value(batch) + b] : 1»);
}
», «/* What the loss of step T counts.  */
static et_value(real) weight_at(const et_value(name)_sequence *q, size_t t«»et_scale_type)
{
    return et_if(et_value(mean), «q->weight ? scale * q->weight[t] : scale», «q->weight ? q->weight[t] : 1»);
}
»)»)m4_dnl

/* To the end of the longest sample.  */
static size_t steps_of(const et_value(name)_sequence *q)
{
et_if(et_value(batched), «    size_t n = 0;
    if (!q->length)
        return q->n_steps;
    for (int b = 0; b < et_value(batch); b++)
        n = q->length[b] > n ? q->length[b] : n;
    return n < q->n_steps ? n : q->n_steps;
», «    return q->length && q->length[0] < q->n_steps ? q->length[0] : q->n_steps;
»)}

/* Can all that Q says be read?  */
static int sequence_is_good(const et_value(name)_sequence *q«»et_if(et_value(has_loss), «, int with_loss»))
{
    const size_t n_steps = steps_of(q);
et_if(et_value(batched), «et_if(et_value(splits), «», «    if (q->length) /* what is done for all samples together needs all of them */
        return 0;
»)»)    for (size_t t = 0; t < n_steps; t++) {
        if (!input_is_good(&q->in[t]«»et_at(«t»))et_if(et_value(has_loss), « || (with_loss && !target_is_good(&q->target[t]«»et_at(«t»)))»))
            return 0;
    }
    return et_if(et_value(has_loss), «!with_loss || !q->weight || all_finite(q->weight, n_steps«»et_if(et_value(batched), « * et_value(batch)»))», «1»);
}

static et_value(name)_output *output_at(const et_value(name)_sequence *q, size_t t)
{
    return &q->out[q->last_output ? 0 : t];
}

static void begin(et_value(name)_state *s,et_e_type const et_value(name)_sequence *q)
{
    if (!q->reset)
        return;
    et_value(name)_init_state(s);
et_if(et_value(has_trace), «    et_value(name)_reset_trace(e);
»)}
et_if(et_value(has_loss), «
et_if(et_value(has_synthesiser), «», «/* Does the loss of step T count, of any sample that is there?  */
static int counts(const et_value(name)_sequence *q, size_t t)
{
et_if(et_value(batched), «    for (int b = 0; b < et_value(batch); b++) {
        const et_value(real) weight = q->weight ? q->weight[t * et_value(batch) + (size_t)b] : 1;
        if ((!q->length || t < q->length[b]) && (weight < 0 || weight > 0))
            return 1;
    }
    return 0;
», «    return !q->weight || q->weight[t] < 0 || q->weight[t] > 0;
»)}
»)et_if(et_value(mean), «
/* 1 / the number of steps, FROM to TO, of all samples.  */
static et_value(real) one_part(et_if(et_value(batched), «const et_value(name)_sequence *q, »)size_t from, size_t to)
{
et_if(et_value(batched), «    size_t n = 0;
    for (int b = 0; b < et_value(batch); b++) {
        const size_t end = q->length && q->length[b] < to ? q->length[b] : to;
        n += end > from ? end - from : 0;
    }
    return n > 0 ? 1 / (et_value(real))n : 0;
», «    return 1 / (et_value(real))(to - from);
»)}
»)m4_dnl
et_if(et_value(has_back), «
/* N steps from FROM on, then exact reverse differentiation through all of them.  */
static et_value(real) learn_window(const et_value(name)_params *p, et_value(name)_state *s,et_e_type
    const et_value(name)_sequence *q, size_t from, size_t n, et_value(name)_grad *grad«»et_scale_type)
{
    et_value(name)_state ds;
et_if(et_value(has_synthesiser), «    et_value(name)_state de;
»)et_weights«»    et_value(real) total = 0;
    size_t last = from + n;
    for (size_t t = from; t < from + n; t++) {
        q->tape[t - from] = *s;
        et_step(«t»)
    }
et_if(et_value(has_synthesiser), «    memset(&de, 0, sizeof de);
    guess_later_losses(p, s, &de«»et_at(«from»));
», «    while (last > from && !counts(q, last - 1))
        last--;
»)    memset(&ds, 0, sizeof ds);
    for (size_t t = last; t-- > from;) {
et_if(et_value(batched), «        et_set_weights(«t»)»)        total += step_back(p, &q->tape[t - from], &q->in[t], &q->target[t], &ds, et_if(et_value(has_synthesiser), «&de, »)grad«»et_weight_at(«t»));
    }
et_if(et_value(has_synthesiser), «    learn_to_guess(p, &q->tape[0], &ds, &de, grad«»et_at(«from»));
»)et_if(et_value(has_window), «    if (last > from)
        trace_apply(p, e, &ds, grad«»et_at(«from»));
    for (size_t t = from; t < from + n; t++)
        trace_advance(p, &q->tape[t - from], e, &q->in[t]«»et_at(«t»));
»)    return total;
}
»)m4_dnl
et_if(et_value(has_block), «
et_if(et_value(has_reverse), «/* A window of et_value(tile) steps from FROM on: forward, backwards, and then each gradient and trace is met once.  */
», «/* et_value(tile) steps of learning from FROM on.  The weights stand still meanwhile, so each trace is met once, behind
   them.  */
»)m4_dnl
et_value(clones)«»static et_value(real) learn_block(const et_value(name)_params *p, et_value(name)_state *s, et_value(name)_trace *e,
    const et_value(name)_sequence *seq, size_t from, et_value(name)_grad *grad«»et_scale_type)
{
@+
et_if(et_value(has_reverse), «et_value(name)_state later, *const ds = &later; /* d later losses / d state */
»)et_unused_block«»et_if(et_value(has_reverse), «memset(ds, 0, sizeof *ds);
»)et_if(et_value(passes_block), «for (int b = 0; b < et_value(batch); et_value(next_block)) {
@+
»)et_body_tape«»et_if(et_value(has_early), «/* what needs no state: of all steps at once */
for (int t = 0; t < et_value(tile); t++) {
    const et_value(name)_input *in = &seq->in[from + (size_t)t];
@+
et_unused_take«»et_body_take«»@-
}
{
@+
et_unused_early«»et_body_early«»@-
}
»)for (int t = 0; t < et_value(tile); t++) {
    const size_t at = from + (size_t)t;
    const et_value(name)_input *in = &seq->in[at];
    et_value(name)_output *out = output_at(seq, at);
et_if(et_value(has_reverse), «», «et_at_step»)@+
et_unused_forward«»et_body_forward«»@-
}
et_if(et_value(has_reverse), «for (int t = et_value(last_step); t >= 0; t--) {
    const size_t at = from + (size_t)t;
    const et_value(name)_input *in = &seq->in[at];
et_at_step«»@+
et_unused_reverse«»et_body_reverse«»@-
}
»)et_body_block«»et_if(et_value(passes_block), «@-
}
»)return total;
@-
}

/* Are all samples there, and does the loss count, in the et_value(tile) steps from FROM on?  */
static int is_block(const et_value(name)_sequence *q, size_t from)
{
et_if(et_value(batched), «    for (int b = 0; b < et_value(batch); b++) {
        if (q->length && q->length[b] < from + et_value(tile))
            return 0;
    }
»)    for (size_t t = from; t < from + et_value(tile); t++) {
        if (!counts(q, t))
            return 0;
    }
    return 1;
}
»)m4_dnl

/* Steps FROM to TO, between which nothing is updated.  */
static etr_update_status learn_span(const et_value(name)_params *p, et_value(name)_state *s,et_e_type
    const et_value(name)_sequence *q, size_t from, size_t to, et_value(name)_grad *grad, et_value(real) *loss)
{
et_if(et_value(mean), «    const et_value(real) scale = one_part(et_if(et_value(batched), «q, »)from, to);
»)m4_dnl
et_if(et_value(has_learn), «et_weights«»    for (size_t t = from; t < to; t++) {
et_if(et_value(has_block), «        if (to - t >= et_value(tile) && is_block(q, t)) {
            *loss += learn_block(p, s, e, q, t, grad«»et_scale);
            if (!all_finite(loss, 1))
                return ETR_UPDATE_BAD_LOSS;
            t += et_value(tile) - 1;
            continue;
        }
»)m4_dnl
et_if(et_value(batched), «        et_set_weights(«t»)»)        if (counts(q, t))
            *loss += learn_step(p, s, e, &q->in[t], &q->target[t], output_at(q, t), grad«»et_weight_at(«t»));
        else
            evolve_step(p, s, e, &q->in[t], output_at(q, t)«»et_at(«t»));
        if (!all_finite(loss, 1))
            return ETR_UPDATE_BAD_LOSS;
    }
    return ETR_UPDATE_OK;
», «et_if(et_value(has_window), «    for (size_t t = from; t < to; t += et_value(window)) {
        const size_t rest = to - t, n = rest < et_value(window) ? rest : et_value(window);
et_if(et_value(has_block), «        if (n == et_value(window) && is_block(q, t))
            *loss += learn_block(p, s, e, q, t, grad«»et_scale);
        else
    »)        *loss += learn_window(p, s, e, q, t, n, grad«»et_scale);
        if (!all_finite(loss, 1))
            return ETR_UPDATE_BAD_LOSS;
    }
    return ETR_UPDATE_OK;
», «    *loss += learn_window(p, s, q, from, to - from, grad«»et_scale);
    return all_finite(loss, 1) ? ETR_UPDATE_OK : ETR_UPDATE_BAD_LOSS;
»)»)}

/* An update with GRAD, if the loss of any step FROM to TO counts.  */
static etr_update_status update(const et_value(name)_sequence *q, size_t from, size_t to, et_value(name)_grad *grad)
{
et_if(et_value(has_synthesiser), «    (void)from;
    (void)to;
    if (!q->update)
        return ETR_UPDATE_OK;
», «    while (from < to && !counts(q, from))
        from++;
    if (!q->update || from == to)
        return ETR_UPDATE_OK;
»)    if (!all_finite((const et_value(real) *)grad, sizeof *grad / sizeof(et_value(real))))
        return ETR_UPDATE_BAD_GRAD;
    if (q->update(q->context, (et_value(real) *)grad) != 0)
        return ETR_UPDATE_STOPPED;
    et_value(name)_clear_grad(grad);
    return ETR_UPDATE_OK;
}

static void keep(et_value(name)_backup *to, const et_value(name)_state *s,et_if(et_value(has_trace), « const et_value(name)_trace *e,»)
    const et_value(name)_grad *grad)
{
    if (!to)
        return;
    to->state = *s;
et_if(et_value(has_trace), «    to->trace = *e;
»)    to->grad = *grad;
}

static void put_back(const et_value(name)_backup *from, et_value(name)_state *s,et_e_type et_value(name)_grad *grad)
{
    if (!from)
        return;
    *s = from->state;
et_if(et_value(has_trace), «    *e = from->trace;
»)    *grad = from->grad;
}

etr_update_status et_value(name)_learn_sequence(const et_value(name)_params *p, et_value(name)_state *s,et_e_type
    const et_value(name)_sequence *q, et_value(name)_grad *grad, et_value(real) *loss)
{
    const size_t n_steps = steps_of(q);
    const size_t every = q->update && q->update_every > 0 ? q->update_every : n_steps;
    *loss = 0;
    if (!sequence_is_good(q, 1))
        return ETR_UPDATE_BAD_INPUT;
    keep(q->backup, s,et_e grad);
    begin(s,et_e q);
    for (size_t from = 0, n; from < n_steps; from += n) {
        etr_update_status status;
        n = n_steps - from < every ? n_steps - from : every;
        status = learn_span(p, s,et_e q, from, from + n, grad, loss);
        if (status == ETR_UPDATE_OK)
            status = update(q, from, from + n, grad);
        if (status == ETR_UPDATE_STOPPED)
            return status;
        if (status != ETR_UPDATE_OK) {
            put_back(q->backup, s,et_e grad);
            return status;
        }
        if (q->update)
            keep(q->backup, s,et_e grad);
    }
    return ETR_UPDATE_OK;
}
»)m4_dnl

etr_update_status et_value(name)_evolve_sequence(const et_value(name)_params *p, et_value(name)_state *s,et_e_type
    const et_value(name)_sequence *q)
{
    const size_t n_steps = steps_of(q);
    if (!sequence_is_good(q«»et_if(et_value(has_loss), «, 0»)))
        return ETR_UPDATE_BAD_INPUT;
    begin(s,et_e q);
    for (size_t t = 0; t < n_steps; t++) {
et_if(et_value(has_learn), «        evolve_step(p, s, e, &q->in[t], output_at(q, t)«»et_at(«t»));
», «et_if(et_value(has_window), «        trace_advance(p, s, e, &q->in[t]«»et_at(«t»));
»)        et_step(«t»)
»)    }
    return ETR_UPDATE_OK;
}

