m4_dnl SPDX-License-Identifier: MIT-0
m4_dnl
m4_dnl The statements of generated functions.  cgen.c writes calls of these macros; how a statement
m4_dnl looks is decided here.

m4_dnl et_line(TEXT)
m4_dnl -------------
m4_dnl One statement.
m4_define(«et_line», «$1
»)m4_dnl

m4_dnl et_comment(TEXT)
m4_dnl ----------------
m4_dnl What the next loop computes: the equation and where it was written.
m4_define(«et_comment», «/* $1 */
»)m4_dnl

m4_dnl et_for(VARIABLE, COUNT), et_block, et_end
m4_dnl -----------------------------------------
m4_dnl A counted loop, a block, and the end of either.
m4_define(«et_for», «for (int $1 = 0; $1 < $2; $1++) {
@+
»)m4_dnl
m4_define(«et_block», «{
@+
»)m4_dnl
m4_define(«et_end», «@-
}
»)m4_dnl

m4_dnl et_matmul(Y, X, W, K, M, K4, HAS_REST, HAS_BLOCKS)
m4_dnl --------------------------------------------------
m4_dnl y[M] = x[K] W[K][M], four rows of W at a time, so that y is met once for four of them; K4 is K less
m4_dnl its rest.
m4_define(«et_matmul», «for (int o = 0; o < $5; o++)
    $1[o] = 0;
et_if(«$8», «for (int q = 0; q < $6; q += 4) {
    const et_value(real) x0 = $2[q], x1 = $2[q + 1], x2 = $2[q + 2], x3 = $2[q + 3];
    for (int o = 0; o < $5; o++)
        $1[o] += x0 * $3[q][o] + x1 * $3[q + 1][o] + x2 * $3[q + 2][o] + x3 * $3[q + 3][o];
}
»)et_if(«$7», «for (int q = $6; q < $4; q++) {
    const et_value(real) x0 = $2[q];
    for (int o = 0; o < $5; o++)
        $1[o] += x0 * $3[q][o];
}
»)»)m4_dnl

m4_dnl et_matmul_t(X, Y, W, M, K, M8, HAS_REST, HAS_BLOCKS, FIRST)
m4_dnl -----------------------------------------------------------
m4_dnl x[K] = W[K][M] y[M], in eight partial sums that the compiler keeps in one register; rows start
m4_dnl at FIRST.
m4_define(«et_matmul_t», «for (int q = 0; q < $5; q++) {
et_if(«$8», «    et_value(real) lane[8] = {0}, total_q = 0;
    for (int o = 0; o < $6; o += 8)
        for (int r = 0; r < 8; r++)
            lane[r] += $3[q$9][o + r] * $2[o + r];
    for (int r = 0; r < 8; r++)
        total_q += lane[r];
», «    et_value(real) total_q = 0;
»)et_if(«$7», «    for (int o = $6; o < $4; o++)
        total_q += $3[q$9][o] * $2[o];
»)    $1[q] = total_q;
}
»)m4_dnl
