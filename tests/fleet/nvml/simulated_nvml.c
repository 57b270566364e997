/* libnvidia-ml.so.1 of a machine that does not exist: it answers what a scenario file says, read again on every call.
 *
 * The file named by SIMULATED_NVML has a fact a line. What it does not tell is "not supported", as on a real card:
 *
 *     driver 550.54.14
 *     cuda 12040
 *     cards 8
 *     card 3 uuid GPU-...                  also: name, memory TOTAL USED (bytes), temperature, limit, utilization, power,
 *                                          power_limit (milliwatts), fan
 *     card 3 compute 4242 2110783488       a process: pid, bytes (or -, which is "not available"); also: graphics
 *     process 4242 /usr/bin/python3
 *     fail nvmlInitWithFlags 9             the call returns this error
 *     card 3 fail nvmlDeviceGetName 15     the call on this card does; with * every call on this card does
 *     hang nvmlDeviceGetCount_v2           the call does not return for as long as the file says so
 *     card 3 hang nvmlDeviceGetName        the call on this card does not
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SUCCESS = 0, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7, LIBRARY_NOT_FOUND = 12, GPU_NOT_FOUND = 28 };
enum { WORD = 512, LINE = 2048 };

typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned gpu, memory; } Utilization;
typedef struct { unsigned pid; unsigned long long bytes; unsigned gpu_instance, compute_instance; } Process;

/* The text after `fact` in the n-th line that begins with it; 0 when there is none. */
static int find(const char *fact, int n, char *value) {
    const char *path = getenv("SIMULATED_NVML");
    FILE *file = path ? fopen(path, "r") : NULL;
    if (!file) return 0;
    char line[LINE];
    size_t length = strlen(fact);
    int found = 0;
    while (!found && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        found = !strncmp(line, fact, length) && (line[length] == ' ' || !line[length]) && n-- == 0;
        if (found) snprintf(value, LINE, "%s", line[length] ? line + length + 1 : "");
    }
    fclose(file);
    return found;
}

static long index_of(void *card) { return (long)(intptr_t)card - 1; }

static int find_of_card(void *card, const char *fact, int n, char *value) {
    char whole[WORD];
    snprintf(whole, sizeof whole, "card %ld %s", index_of(card), fact);
    return find(whole, n, value);
}

/* Hang or fail as the scenario says of this call; `card` is NULL for calls that are about none. */
static int obstacle(void *card, const char *call) {
    char hang[WORD], fail[WORD], value[LINE];
    snprintf(hang, sizeof hang, "hang %s", call);
    snprintf(fail, sizeof fail, "fail %s", call);
    while (find(hang, 0, value) || (card && find_of_card(card, hang, 0, value))) usleep(20000);
    if (find(fail, 0, value)) return atoi(value);
    if (card && (find_of_card(card, fail, 0, value) || find_of_card(card, "fail *", 0, value))) return atoi(value);
    return SUCCESS;
}

static int text(void *card, const char *call, const char *fact, char *out, unsigned size) {
    char value[LINE];
    int failed = obstacle(card, call);
    if (failed) return failed;
    if (!(card ? find_of_card(card, fact, 0, value) : find(fact, 0, value))) return NOT_SUPPORTED;
    if (strlen(value) >= size) return INSUFFICIENT_SIZE;
    strcpy(out, value);
    return SUCCESS;
}

static int number(void *card, const char *call, const char *fact, unsigned *out) {
    char value[LINE];
    int failed = text(card, call, fact, value, sizeof value);
    if (!failed) *out = (unsigned)strtoul(value, NULL, 10);
    return failed;
}

static int processes(void *card, const char *call, const char *kind, unsigned *count, Process *out) {
    char value[LINE];
    unsigned room = out ? *count : 0, n = 0;
    int failed = obstacle(card, call);
    if (failed) return failed;
    for (; find_of_card(card, kind, (int)n, value); n++) {
        if (n >= room) continue;
        char bytes[WORD];
        sscanf(value, "%u %511s", &out[n].pid, bytes);
        out[n].bytes = strcmp(bytes, "-") ? strtoull(bytes, NULL, 10) : ~0ULL;
        out[n].gpu_instance = out[n].compute_instance = ~0U;
    }
    *count = n;
    return n > room ? INSUFFICIENT_SIZE : SUCCESS;
}

int nvmlInitWithFlags(unsigned flags) {
    (void)flags;
    return getenv("SIMULATED_NVML") ? obstacle(NULL, "nvmlInitWithFlags") : LIBRARY_NOT_FOUND;
}

int nvmlShutdown(void) { return obstacle(NULL, "nvmlShutdown"); }

const char *nvmlErrorString(int code) {
    (void)code;
    return "An error of the simulated driver";
}

int nvmlSystemGetDriverVersion(char *out, unsigned size) {
    return text(NULL, "nvmlSystemGetDriverVersion", "driver", out, size);
}

int nvmlSystemGetCudaDriverVersion_v2(int *out) {
    return number(NULL, "nvmlSystemGetCudaDriverVersion_v2", "cuda", (unsigned *)out);
}

int nvmlSystemGetProcessName(unsigned pid, char *out, unsigned size) {
    char fact[WORD];
    snprintf(fact, sizeof fact, "process %u", pid);
    int failed = text(NULL, "nvmlSystemGetProcessName", fact, out, size);
    return failed == NOT_SUPPORTED ? NOT_FOUND : failed;
}

int nvmlDeviceGetCount_v2(unsigned *out) { return number(NULL, "nvmlDeviceGetCount_v2", "cards", out); }

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **out) {
    unsigned cards = 0;
    void *card = (void *)(intptr_t)(index + 1);
    int failed = obstacle(card, "nvmlDeviceGetHandleByIndex_v2");
    if (failed) return failed;
    if (nvmlDeviceGetCount_v2(&cards) || index >= cards) return GPU_NOT_FOUND;
    *out = card;
    return SUCCESS;
}

int nvmlDeviceGetUUID(void *card, char *out, unsigned size) { return text(card, "nvmlDeviceGetUUID", "uuid", out, size); }

int nvmlDeviceGetName(void *card, char *out, unsigned size) { return text(card, "nvmlDeviceGetName", "name", out, size); }

int nvmlDeviceGetMemoryInfo(void *card, Memory *out) {
    char value[LINE];
    int failed = text(card, "nvmlDeviceGetMemoryInfo", "memory", value, sizeof value);
    if (failed) return failed;
    sscanf(value, "%llu %llu", &out->total, &out->used);
    out->free = out->total - out->used;
    return SUCCESS;
}

int nvmlDeviceGetTemperature(void *card, int sensor, unsigned *out) {
    (void)sensor;
    return number(card, "nvmlDeviceGetTemperature", "temperature", out);
}

int nvmlDeviceGetTemperatureThreshold(void *card, int threshold, unsigned *out) {
    (void)threshold;
    return number(card, "nvmlDeviceGetTemperatureThreshold", "limit", out);
}

int nvmlDeviceGetUtilizationRates(void *card, Utilization *out) {
    out->memory = 0;
    return number(card, "nvmlDeviceGetUtilizationRates", "utilization", &out->gpu);
}

int nvmlDeviceGetPowerUsage(void *card, unsigned *out) { return number(card, "nvmlDeviceGetPowerUsage", "power", out); }

int nvmlDeviceGetEnforcedPowerLimit(void *card, unsigned *out) {
    return number(card, "nvmlDeviceGetEnforcedPowerLimit", "power_limit", out);
}

int nvmlDeviceGetFanSpeed(void *card, unsigned *out) { return number(card, "nvmlDeviceGetFanSpeed", "fan", out); }

int nvmlDeviceGetComputeRunningProcesses_v3(void *card, unsigned *count, Process *out) {
    return processes(card, "nvmlDeviceGetComputeRunningProcesses_v3", "compute", count, out);
}

int nvmlDeviceGetGraphicsRunningProcesses_v3(void *card, unsigned *count, Process *out) {
    return processes(card, "nvmlDeviceGetGraphicsRunningProcesses_v3", "graphics", count, out);
}
