/* SPDX-License-Identifier: Apache-2.0 */
/* What gcc calls for `omp parallel for schedule(static)`, of POSIX threads: those of gcc's own library are made and met
   in ways that a race detector does not know.  In: OMP_NUM_THREADS.  */
#include <pthread.h>
#include <stdlib.h>

enum { THREADS_MAX = 8 };

typedef struct {
    void (*function)(void *);
    void *data;
    int number, all;
} member;

static __thread member self = {.all = 1};

int omp_get_thread_num(void);
int omp_get_num_threads(void);
void GOMP_parallel(void (*function)(void *), void *data, unsigned threads, unsigned flags);

int omp_get_thread_num(void)
{
    return self.number;
}

int omp_get_num_threads(void)
{
    return self.all;
}

static void *begin(void *argument)
{
    self = *(const member *)argument;
    self.function(self.data);
    return NULL;
}

void GOMP_parallel(void (*function)(void *), void *data, unsigned threads, unsigned flags)
{
    const char *wanted = getenv("OMP_NUM_THREADS");
    const int all = wanted && atoi(wanted) > 0 && atoi(wanted) < THREADS_MAX ? atoi(wanted) : 1;
    pthread_t thread[THREADS_MAX];
    member of[THREADS_MAX];
    (void)threads;
    (void)flags;
    for (int i = 0; i < all; i++) {
        of[i] = (member){function, data, i, all};
        if (i > 0 && pthread_create(&thread[i], NULL, begin, &of[i]) != 0)
            abort();
    }
    begin(&of[0]);
    self = (member){.all = 1};
    for (int i = 1; i < all; i++)
        pthread_join(thread[i], NULL);
}
