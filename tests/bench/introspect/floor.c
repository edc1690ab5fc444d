/* floor: the least that a server on evhttp can do for an introspection call: read the request, parse its JSON with
 * cJSON, answer 250 bytes. One loop, one argument: the port on loopback. What introspection-service needs beyond it is
 * its own cost. */
#include <cjson/cJSON.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

static const char answer[] =
    "{\"active\":true,\"client_id\":\"0123456789abcdefghij\",\"sub\":\"42\",\"username\":\"jane\","
    "\"scope\":\"photos:read photos:write\",\"token_type\":\"oauth1\",\"iat\":1790000000,"
    "\"iss\":\"https://auth.example.com\",\"jti\":\"tok_0123456789abcdefghijkl\",\"oauth1\":{\"legs\":3}}";

static void introspect(struct evhttp_request *request, void *unused)
{
    (void)unused;
    struct evbuffer *body = evhttp_request_get_input_buffer(request);
    size_t len = evbuffer_get_length(body);
    cJSON *call = cJSON_ParseWithLength((const char *)evbuffer_pullup(body, -1), len);
    int good = cJSON_IsString(cJSON_GetObjectItemCaseSensitive(call, "authorization"));
    cJSON_Delete(call);
    evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", "application/json");
    if (good)
        evbuffer_add(evhttp_request_get_output_buffer(request), answer, sizeof answer - 1);
    evhttp_send_reply(request, good ? 200 : 400, NULL, NULL);
}

int main(int argc, char **argv)
{
    unsigned long port = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
    struct event_base *base = event_base_new();
    struct evhttp *http = base ? evhttp_new(base) : NULL;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!http || port == 0 || port > 65535 || evhttp_bind_socket(http, "127.0.0.1", (unsigned short)port) != 0) {
        fputs("floor: needs a free port\n", stderr);
        return 1;
    }
    evhttp_set_cb(http, "/v1/introspect", introspect, NULL);
    return event_base_dispatch(base);
}
