/* Signs one request with liboauth: a question as a JSON line in, what to send out. */
#include <cjson/cJSON.h>
#include <oauth.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The library exports it, its header does not declare it. */
void oauth_add_protocol(int *argcp, char ***argvp, OAuthMethod method, const char *c_key, const char *t_key);

static const char *text_of(const cJSON *object, const char *name)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsString(member) ? member->valuestring : NULL;
}

static OAuthMethod method_of(const char *name)
{
    if (strcmp(name, "RSA-SHA1") == 0)
        return OA_RSA;
    return strcmp(name, "PLAINTEXT") == 0 ? OA_PLAINTEXT : OA_HMAC;
}

/* liboauth takes the parameters of all places as one array, the URL first. */
static int collect(const cJSON *question, char ***parameters)
{
    int count = oauth_split_url_parameters(text_of(question, "url"), parameters);
    const cJSON *member = NULL;
    cJSON_ArrayForEach(member, cJSON_GetObjectItemCaseSensitive(question, "parameters"))
    {
        size_t size = strlen(member->string) + strlen(member->valuestring) + 2;
        char *pair = malloc(size);
        if (!pair)
            exit(1);
        snprintf(pair, size, "%s=%s", member->string, member->valuestring);
        oauth_add_param_to_array(&count, parameters, pair);
        free(pair);
    }
    return count;
}

/* liboauth's own oauth_sign_array2_process percent-encodes an RSA key before it reads it, so its parts are
 * called one by one here. */
static void sign_rsa(int *count, char ***parameters, const cJSON *question)
{
    oauth_add_protocol(count, parameters, OA_RSA, text_of(question, "client_id"), text_of(question, "token"));
    qsort(&(*parameters)[1], (size_t)*count - 1, sizeof(char *), oauth_cmpstringp);
    char *query = oauth_serialize_url_parameters(*count, *parameters);
    char *text = oauth_catenc(3, text_of(question, "http_method"), (*parameters)[0], query);
    char *signature = oauth_sign_rsa_sha1(text, text_of(question, "rsa_key"));
    size_t size = strlen(signature) + sizeof "oauth_signature=";
    char *pair = malloc(size);
    if (!pair)
        exit(1);
    snprintf(pair, size, "oauth_signature=%s", signature);
    oauth_add_param_to_array(count, parameters, pair);
    free(pair);
    free(signature);
    free(text);
    free(query);
}

static void sign(int *count, char ***parameters, const cJSON *question)
{
    OAuthMethod method = method_of(text_of(question, "signature_method"));
    if (method == OA_RSA)
        sign_rsa(count, parameters, question);
    else
        oauth_sign_array2_process(count, parameters, NULL, method, text_of(question, "http_method"),
                                  text_of(question, "client_id"), text_of(question, "client_secret"),
                                  text_of(question, "token"), text_of(question, "token_secret"));
}

int main(void)
{
    char line[65536];
    cJSON *question = fgets(line, sizeof line, stdin) ? cJSON_Parse(line) : NULL;
    cJSON *answer = cJSON_CreateObject();
    char **parameters = NULL;
    if (!question)
        return 1;
    const char *place = text_of(question, "place");
    const char *http_method = text_of(question, "http_method");
    int count = collect(question, &parameters);
    sign(&count, &parameters, question);
    cJSON_AddStringToObject(answer, "method", http_method);
    if (strcmp(place, "header") == 0) {
        /* mod 2: oauth_ parameters alone, quoted; mod 1: all others, as a query */
        char *header = oauth_serialize_url_sep(count, 1, parameters, ", ", 6);
        char *url = oauth_serialize_url_sep(count, 0, parameters, "&", 1);
        size_t size = strlen(header) + sizeof "OAuth ";
        char *whole = malloc(size);
        if (!whole)
            return 1;
        snprintf(whole, size, "OAuth %s", header);
        cJSON_AddStringToObject(answer, "authorization", whole);
        cJSON_AddStringToObject(answer, "url", url);
        free(whole);
        free(header);
        free(url);
    } else if (strcmp(place, "query") == 0) {
        char *url = oauth_serialize_url(count, 0, parameters);
        cJSON_AddStringToObject(answer, "url", url);
        free(url);
    } else {
        char *body = oauth_serialize_url(count, 1, parameters);
        cJSON_AddStringToObject(answer, "url", text_of(question, "url"));
        cJSON_AddStringToObject(answer, "body", body);
        free(body);
    }
    char *printed = cJSON_PrintUnformatted(answer);
    puts(printed);
    free(printed);
    oauth_free_array(&count, &parameters);
    cJSON_Delete(question);
    cJSON_Delete(answer);
    return 0;
}
