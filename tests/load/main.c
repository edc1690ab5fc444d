#include "load.h"

#include "base/attributes.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: load race|exchange|stream --targets ADDRESS:PORT,... --credentials FILE [OPTION...]\n"
    "\n"
    "  race       sends each of --rounds signed requests over --fanout connections at once\n"
    "  exchange   exchanges each temporary credential of the file by --fanout requests at once\n"
    "  stream     sends new signed requests for --seconds, and each again every second for --replay seconds\n"
    "\n"
    "  --key KEY            of a resource server (race, stream)\n"
    "  --url URL            that is signed; exchange: the token endpoint by its public URL\n"
    "  --ledger FILE        exchange: acknowledged tokens, on the disk before the next exchange\n"
    "  --connections N      stream: over all targets (32)\n"
    "  --timeout-ms N       of one call (5000)\n"
    "  --rounds N           race (1000)\n"
    "  --fanout N           race: 8; exchange: 100 at most\n"
    "  --lanes N            race: rounds under way at once (4)\n"
    "  --rate N             stream: requests a second; 0: as fast as possible (0)\n"
    "  --seconds N          stream (5)\n"
    "  --lag N, --lead N    stream: seconds that timestamps are behind and ahead, at most (0)\n"
    "  --clock-offset N     stream: seconds added to every timestamp (0)\n"
    "  --replay N           stream: seconds (0)\n"
    "  --batch N            stream: requests that one call describes (1)\n"
    "  --body N             stream: bytes of a body that each call describes (0)\n"
    "  --direct 1           stream: the signed request itself, as a client sends it to an API\n";

void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "load: %s\n", what);
    exit(2);
}

int64_t wall_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void print_line(struct buf *line)
{
    buf_add_byte(line, '\n');
    must(!line->failed, "no memory for a line");
    (void)fwrite(line->ptr, 1, line->len, stdout);
    (void)fflush(stdout);
    buf_reset(line);
}

static int64_t number(const char *text, int64_t min, int64_t max)
{
    char *end = NULL;
    long long value = strtoll(text, &end, 10);
    must(*text && !*end && value >= min && value <= max, "an option's number is none, or out of its range");
    return value;
}

static void parse(int argc, char **argv, struct options *o)
{
    static const struct option names[] = {
        {"targets", required_argument, NULL, 't'},    {"credentials", required_argument, NULL, 'c'},
        {"key", required_argument, NULL, 'k'},        {"url", required_argument, NULL, 'u'},
        {"ledger", required_argument, NULL, 'g'},     {"connections", required_argument, NULL, 'n'},
        {"timeout-ms", required_argument, NULL, 'm'}, {"rounds", required_argument, NULL, 'r'},
        {"fanout", required_argument, NULL, 'f'},     {"lanes", required_argument, NULL, 'l'},
        {"rate", required_argument, NULL, 'a'},       {"seconds", required_argument, NULL, 's'},
        {"lag", required_argument, NULL, 'b'},        {"lead", required_argument, NULL, 'd'},
        {"replay", required_argument, NULL, 'p'},     {"clock-offset", required_argument, NULL, 'o'},
        {"batch", required_argument, NULL, 'h'},      {"body", required_argument, NULL, 'y'},
        {"direct", required_argument, NULL, 'i'},     {NULL, 0, NULL, 0},
    };
    for (int name; (name = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (name) {
        case 't':
            o->targets = slice_str(optarg);
            break;
        case 'c':
            o->credentials = optarg;
            break;
        case 'k':
            o->key = optarg;
            break;
        case 'u':
            o->url = optarg;
            break;
        case 'g':
            o->ledger = optarg;
            break;
        case 'n':
            o->connections = number(optarg, 1, 4096);
            break;
        case 'm':
            o->timeout_ms = number(optarg, 1, 60000);
            break;
        case 'r':
            o->rounds = number(optarg, 1, 10000000);
            break;
        case 'f':
            o->fanout = number(optarg, 1, 1000);
            break;
        case 'l':
            o->lanes = number(optarg, 1, 64);
            break;
        case 'a':
            o->rate = number(optarg, 0, 1000000);
            break;
        case 's':
            o->seconds = number(optarg, 1, 3600);
            break;
        case 'b':
            o->lag_s = number(optarg, 0, 3600);
            break;
        case 'd':
            o->lead_s = number(optarg, 0, 3600);
            break;
        case 'p':
            o->replay_s = number(optarg, 0, 3600);
            break;
        case 'o':
            o->clock_offset_s = number(optarg, -3600, 3600);
            break;
        case 'h':
            o->batch = number(optarg, 1, 100);
            break;
        case 'y':
            o->body_bytes = number(optarg, 0, 65536);
            break;
        case 'i':
            o->direct = number(optarg, 0, 1) == 1;
            break;
        default:
            fputs(usage, stderr);
            exit(2);
        }
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(const struct options *options);
    } modes[] = {{"race", race}, {"exchange", exchange}, {"stream", stream}};
    struct options options = {.key = "",
                              .url = "http://api.example/photos?size=original",
                              .connections = 32,
                              .timeout_ms = 5000,
                              .rounds = 1000,
                              .fanout = 8,
                              .lanes = 4,
                              .seconds = 5,
                              .batch = 1};
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* nothing outlives the test that started it */
    for (size_t i = 0; argc > 1 && i < COUNT_OF(modes); i++) {
        if (strcmp(argv[1], modes[i].name) != 0)
            continue;
        parse(argc - 1, argv + 1, &options);
        must(options.targets.len && options.credentials, "--targets and --credentials are needed");
        modes[i].run(&options);
        return 0;
    }
    fputs(usage, stderr);
    return 2;
}
