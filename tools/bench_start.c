/*
 * How long a VMM takes from the start of its process to the first instruction of its guest, and how much memory of its
 * own it needs.  Usage: bench_start COUNT VMM GUEST, where GUEST begins by writing a line to its console.  Prints one
 * JSON object, times in microseconds, memory in KiB.  Or: bench_start run COMMAND...: seconds and memory of any command, whose
 * output goes nowhere.  Or: bench_start tsc: the frequency of the time-stamp counter, in kHz.
 *
 * The VMM is told that the machine was looked at already, as a box tells it: so it runs on any /dev/kvm, and its probe
 * is not in the time.  Nothing is said here of what the guest sees.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STARTS_MAX 10000

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

/* Of the processor's time-stamp counter, in kHz. */
static double tsc_khz(void)
{
	const struct timespec while_ = { .tv_nsec = 100000000 };
	const double begin = now_us();
	const unsigned long long first = __builtin_ia32_rdtsc();
	unsigned long long last;

	nanosleep(&while_, NULL);
	last = __builtin_ia32_rdtsc();
	return (last - first) * 1e3 / (now_us() - begin);
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void become(const char *vmm, const char *guest, int err)
{
	dup2(err, STDERR_FILENO);
	execl(vmm, vmm, "--watch=none", guest, (char *)NULL);
	_exit(127);
}

/* One start: the time until the guest's first byte, or -1.  *peak grows to the largest resident set. */
static double start_once(const char *vmm, const char *guest, long *peak)
{
	int ends[2], status;
	struct rusage usage;
	double begin, first = -1;
	char byte[512];
	ssize_t got;
	pid_t pid;

	if (pipe(ends))
		return -1;
	begin = now_us();
	pid = fork();
	if (!pid) {
		close(ends[0]);
		become(vmm, guest, ends[1]);
	}
	close(ends[1]);
	while (pid > 0 && (got = read(ends[0], byte, sizeof byte)) > 0)
		if (first < 0)
			first = now_us() - begin;
	close(ends[0]);
	if (pid < 0 || wait4(pid, &status, 0, &usage) != pid || !WIFEXITED(status) || WEXITSTATUS(status))
		return -1;
	if (usage.ru_maxrss > *peak)
		*peak = usage.ru_maxrss;
	return first;
}

static int run_once(char **argv)
{
	const double begin = now_us();
	const pid_t pid = fork();
	struct rusage usage;
	int status;

	if (!pid) {
		if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
			_exit(127);
		execv(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) != pid || !WIFEXITED(status) || WEXITSTATUS(status))
		return 1;
	printf("{\"seconds\":%.3f,\"peak_kib\":%ld}\n", (now_us() - begin) / 1e6, usage.ru_maxrss);
	return 0;
}

int main(int argc, char **argv)
{
	static double time[STARTS_MAX];
	const long count = argc == 4 ? strtol(argv[1], NULL, 10) : 0;
	long peak = 0;

	if (argc == 2 && !strcmp(argv[1], "tsc"))
		return printf("%.0f\n", tsc_khz()) < 0;
	if (argc > 2 && !strcmp(argv[1], "run"))
		return run_once(argv + 2);
	if (count < 1 || count > STARTS_MAX) {
		fprintf(stderr, "usage: bench_start COUNT VMM GUEST\n");
		return 2;
	}
	setenv("VMM_ENGINE", "box", 1);
	for (long n = 0; n < count; n++) {
		time[n] = start_once(argv[2], argv[3], &peak);
		if (time[n] < 0) {
			fprintf(stderr, "bench_start: %s %s did not run\n", argv[2], argv[3]);
			return 1;
		}
	}
	qsort(time, count, sizeof time[0], by_value);
	printf("{\"kind\":\"start\",\"count\":%ld,\"minimum_us\":%.0f,\"median_us\":%.0f,\"p99_us\":%.0f,\"peak_kib\":%ld}\n",
	       count, time[0], time[(count - 1) / 2], time[(count * 99 - 1) / 100], peak);
	return 0;
}
