#!/usr/bin/python3
"""Writes cases.jsonl: cases judged by hand, by RFC 5849 and not by an implementation.

    /usr/bin/python3 tests/vectors/make_cases.py

Every base string below was written out from the RFC's text, none was computed; only the HMAC over it
is. {s} stands for the percent-encoded signature, {r} for the raw one. README.md says what a line holds.
"""

import base64
import hashlib
import hmac
import json
from pathlib import Path
from urllib.parse import quote

HERE = Path(__file__).resolve().parent
FORM = "application/x-www-form-urlencoded"
CASES = []

# The parameters of most cases, in the header and as they are signed.
ALL = 'oauth_consumer_key="k", oauth_nonce="n", oauth_signature_method="HMAC-SHA1", oauth_timestamp="1"'
SIGNED = "oauth_consumer_key%3Dk%26oauth_nonce%3Dn%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D1"
HEADER = f'OAuth {ALL}, oauth_signature="{{s}}"'
GET = "GET&http%3A%2F%2Fh%2F&"


def fill(value, made):
    if not isinstance(value, str):
        return value
    return value.replace("{s}", quote(made, safe="-._~")).replace("{r}", made)


def case(name, section, base, status=200, problem=None, method="GET", url="http://h/", authorization=HEADER,
         digest="sha1", secrets=("c", "t"), key=None, uri=None, hint=None, differs=False, **request):
    """`base`: what the client signs, and what the request gives unless it `differs`."""
    key = f"{quote(secrets[0], safe='-._~')}&{quote(secrets[1], safe='-._~')}" if key is None else key
    made = base64.b64encode(hmac.new(key.encode(), (base or "").encode(), getattr(hashlib, digest)).digest()).decode()
    request = {"method": method, "url": url, "authorization": authorization} | request
    request = {name: fill(value, made) for name, value in request.items() if value is not None}
    request |= {"client_secret": secrets[0], "token_secret": secrets[1]}
    expected = {"valid": status == 200, "status": status}
    if problem:
        expected["problem"] = problem
    if base is not None and not differs:
        expected["signature_base_string"] = base
    if uri:
        expected["base_string_uri"] = uri
    if hint:
        expected["hint"] = hint
    CASES.append({"name": name, "section": section, "request": request, "expected": expected})


def refused(name, section, status, problem, authorization, **request):
    """Refused before or whatever the signature."""
    case(name, section, None, status, problem, authorization=authorization, **request)


# ---- published examples ---------------------------------------------------------------------------

RFC_URL = "http://example.com/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b"
RFC_HEADER = (
    'OAuth realm="Example", oauth_consumer_key="9djdj82h48djs9d2", oauth_token="kkk9d7dh3k39sjv7", '
    'oauth_signature_method="HMAC-SHA1", oauth_timestamp="137131201", oauth_nonce="7d8f3e4a", oauth_signature="'
)
RFC_BASE = (
    "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26"
    "c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26"
    "oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
)
RFC = {"method": "POST", "url": RFC_URL, "content_type": FORM, "body": "c2&a3=2+q"}
RFC_SECRETS = ("j49sk3j29djd", "dh893hdasih9")
case("rfc_3_1_by_erratum_2550", "3.1", RFC_BASE, authorization=RFC_HEADER + 'r6%2FTJjbCOr97%2F%2BUU0NsvSne7s5g%3D"',
     secrets=RFC_SECRETS, **RFC)
case("rfc_3_1_as_printed_is_wrong", "3.1", RFC_BASE, 401, "signature_invalid",
     authorization=RFC_HEADER + 'bYT5CMsGcbgUdFHObYMEfcx6bsw%3D"', secrets=RFC_SECRETS, **RFC)
case("rfc_3_4_1_3_1_is_a_dummy", "3.4.1.3.1", RFC_BASE, 401, "signature_invalid",
     authorization=RFC_HEADER + 'djosJKDKJSD8743243%2Fjdk33klY%3D"', secrets=RFC_SECRETS, **RFC)
case("oauth_core_photos_example", "3.4.2",
     "GET&http%3A%2F%2Fphotos.example.net%2Fphotos&file%3Dvacation.jpg%26oauth_consumer_key%3Ddpf43f3p2l4k3l03%26"
     "oauth_nonce%3Dkllo9940pd9333jh%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D1191242096%26"
     "oauth_token%3Dnnch734d00sl2jdk%26oauth_version%3D1.0%26size%3Doriginal",
     url="http://photos.example.net/photos?file=vacation.jpg&size=original",
     authorization='OAuth realm="http://photos.example.net/", oauth_consumer_key="dpf43f3p2l4k3l03", '
                   'oauth_token="nnch734d00sl2jdk", oauth_nonce="kllo9940pd9333jh", oauth_timestamp="1191242096", '
                   'oauth_signature_method="HMAC-SHA1", oauth_version="1.0", '
                   'oauth_signature="tR3%2BTy81lMeYAr%2FFid0kMTYa%2FWM%3D"',
     secrets=("kd94hf93k423kf44", "pfkkdhi9sl3r4s00"))

# What others published, request and signature: documentation, test suites of libraries. Of these nothing is computed.


def published(name, source, method, url, oauth, secrets, **request):
    """`oauth`: the header's pairs, as they are sent; None: they are in the query or the form."""
    case(name, source, None, authorization=oauth and f"OAuth {oauth}", secrets=secrets, method=method, url=url, **request)


def pairs(consumer_key, nonce, timestamp, signature, token=None, method="HMAC-SHA1", **more):
    given = {"oauth_consumer_key": consumer_key, "oauth_token": token, "oauth_signature_method": method,
             "oauth_timestamp": timestamp, "oauth_nonce": nonce, "oauth_version": "1.0"} | more
    given["oauth_signature"] = quote(signature, safe="")
    return ", ".join(f'{key}="{value}"' for key, value in given.items() if value is not None)


def form(**values):
    return "&".join(f"{key}={quote(value, safe='-._~')}" for key, value in values.items())


PHOTOS = ("kd94hf93k423kf44", "pfkkdhi9sl3r4s00")
published("rfc_1_2_temporary_credentials", "1.2", "POST", "https://photos.example.net/initiate",
          pairs("dpf43f3p2l4k3l03", "wIjqoS", "137131200", "74KNZJeDHnMBp0EMJ9ZHt/XKycU=", oauth_version=None,
                realm="Photos", oauth_callback="http%3A%2F%2Fprinter.example.com%2Fready"), (PHOTOS[0], ""))
published("rfc_1_2_token_credentials", "1.2", "POST", "https://photos.example.net/token",
          pairs("dpf43f3p2l4k3l03", "walatlh", "137131201", "gKgrFCywp7rO0OXSjdot/IHF7IU=", "hh5s93j4hdidpola",
                oauth_version=None, realm="Photos", oauth_verifier="hfdp7dh39dks9884"), (PHOTOS[0], "hdhd0244k9j7ao03"))
published("rfc_1_2_protected_resource", "1.2", "GET", "http://photos.example.net/photos?file=vacation.jpg&size=original",
          pairs("dpf43f3p2l4k3l03", "chapoH", "137131202", "MdpQcU8iPSUjWoN/UDMsK2sui9I=", "nnch734d00sl2jdk",
                oauth_version=None, realm="Photos"), PHOTOS)
published("rfc_2_1_plaintext", "2.1", "POST", "https://server.example.com/request_temp_credentials",
          'realm="Example", oauth_consumer_key="jd83jd92dhsh93js", oauth_signature_method="PLAINTEXT", '
          'oauth_callback="http%3A%2F%2Fclient.example.net%2Fcb%3Fx%3D1", oauth_signature="ja893SD9%26"',
          ("ja893SD9", ""))
published("rfc_2_3_plaintext", "2.3", "POST", "https://server.example.com/request_token",
          'realm="Example", oauth_consumer_key="jd83jd92dhsh93js", oauth_token="hdk48Djdsa", '
          'oauth_signature_method="PLAINTEXT", oauth_verifier="473f82d3", oauth_signature="ja893SD9%26xyz4992k83j47x0b"',
          ("ja893SD9", "xyz4992k83j47x0b"))
PHOTOS_FORM = ("file=vacation.jpg&size=original&oauth_consumer_key=dpf43f3p2l4k3l03&oauth_token=nnch734d00sl2jdk&"
               "oauth_signature_method=HMAC-SHA1&oauth_signature=tR3%2BTy81lMeYAr%2FFid0kMTYa%2FWM%3D&"
               "oauth_timestamp=1191242096&oauth_nonce=kllo9940pd9333jh&oauth_version=1.0")
published("oauth_core_photos_in_the_query", "OAuth Core 1.0 A.5.3", "GET", f"http://photos.example.net/photos?{PHOTOS_FORM}",
          None, PHOTOS)
published("oauth_core_photos_in_a_form", "OAuth Core 1.0 A.5.3", "GET", "http://photos.example.net/photos", None, PHOTOS,
          content_type=FORM, body=PHOTOS_FORM)
published("oauth_core_photos_by_post", "test suites of several libraries", "POST", "http://photos.example.net/photos",
          pairs("dpf43f3p2l4k3l03", "kllo9940pd9333jh", "1191242096", "wPkvxykrw+BTdCcGqKr+3I+PsiM=", "nnch734d00sl2jdk",
                realm=""), PHOTOS, content_type=FORM, body="file=vacation.jpg&size=original")
for version, made in [("1", "tnnArxj06cWHq44gCs1OSKk/jLY="), ("1.1", "hCtSmYh+iHYCEqBWrE7C7hYmtUk=")]:
    published(f"twitter_status_update_{version}", "Twitter, Creating a signature", "POST",
              f"https://api.twitter.com/{version}/statuses/update.json?include_entities=true",
              pairs("xvz1evFS4wEEPTGEFPHBog", "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg", "1318622958", made,
                    "370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb"),
              ("kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw", "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE"),
              content_type=FORM, body="status=Hello%20Ladies%20%2b%20Gentlemen%2c%20a%20signed%20OAuth%20request%21")
published("twitter_direct_messages", "Go-OAuth's tests", "GET", "https://api.twitter.com/1/direct_messages.json?count=10",
          pairs("3NNCZTHoBoSSk1V4cPCZA", "8e51932665a8e33c54e8872f09b661b8", "1323729189", "13tM5UUxbPrRZjeCGWgl3yUuUNA=",
                "10212-JJ3Zc1A49qSMgdcAO2GMOpW9l7A348ESmhjmOBOU"),
          ("pHT9O4hvqH8mwe1JB224BQ4iv9cXPE11m9n90n0EY", "yF75mvq4LZMHj9O0DXwoC3ZxUnN1ptvieThYuOAYM"))
for name, query, made in [
    ("special_characters", "photo%20size=300%25&title=Back%20of%20%24100%20Dollars%20Bill", "tTFyqivhutHiglPvmyilZlHm5Uk="),
    ("other_scripts", "type=%C3%97%C2%90%C3%97%E2%80%A2%C3%97%CB%9C%C3%97%E2%80%A2%C3%97%E2%80%98%C3%97%E2%80%A2%C3%97%C2%A1"
     "&scenario=%C3%97%C2%AA%C3%97%C2%90%C3%97%E2%80%A2%C3%97%C2%A0%C3%97%E2%80%9D", "MH9NDodF4I/V6GjYYVChGaKCtnk="),
    ("the_order_of_names", "a1=3&a=2", "XvQXwVym27PgKSIWiElVVSdGIq8="),
]:
    published(f"hueniverse_{name}", "Beginner's guide to OAuth, part IV", "GET",
              f"http://PHOTOS.example.net:8001/Photos?{query}",
              pairs("dpf43f3%2B%2Bp%2B%232l4k3l03", "kllo~9940~pd9333jh", "1191242096", made, "nnch734d%280%290sl2jdk"),
              ("kd9@4h%%4f93k423kf44", "pfkkd#hi9_sl-3r=4s00"))
for name, method, url, nonce, timestamp, made, body in [
    ("go_oauth_port_80", "GET", "http://EXAMPLE.COM:80/Space%20Craft?name=value&name=value", "Ix4U1Ei3RFL", "1327384901",
     "TZZ5u7qQorLnmKs+iqunb8gqkh4=", None),
    ("go_oauth_port_443", "GET", "https://hello:443/world", "Ix4U1Ei3RFL", "1327384901", "elVM7oxG5dFpjuXXHTJsb/G75cY=", None),
    ("lean_oauth_pipe", "POST", "http://host.net/resource", "FDRMnsTvyF1", "1462028665", "Yg/QoU08gHjHquNXwcn3sAg+jAk=",
     "name=value&scopes=email%7Cphoto"),
    ("oauthswift_post", "POST", "http://photos.example.net/photos", "rkNG5bfzqFw", "1451152366",
     "6qB7WBgezEpKhfr2Bpl+HfcS4SA=", "name=value"),
    ("oauthswift_space_in_the_path", "GET", "http://photos.example.net/ph%20otos?name=value", "rkNG5bfzqFw", "1451152366",
     "g2HpPCyQIVxLC3NNVn2x9oeUtyg=", None),
]:
    published(name, "the library's tests", method, url, pairs("abcd", nonce, timestamp, made, "ijkl"), ("efgh", "mnop"),
              content_type=FORM if body else None, body=body)
published("netsuite_restlet", "NetSuite, The Signature for Web Services and RESTlets", "POST",
          "https://123456.restlets.api.netsuite.com/app/site/hosting/restlet.nl?script=6&deploy=1&customParam=someValue"
          "&testParam=someOtherValue",
          pairs("ef40afdd8abaac111b13825dd5e5e2ddddb44f86d5a0dd6dcf38c20aae6b67e4", "fjaLirsIcCGVZWzBX0pg", "1508242306",
                "+KK4SKNgz4ZiILGLwOMtfYlgcXSy1eis8ldE9X90azQ=",
                "2b0ce516420110bcbd36b69e99196d1b7f6de3c6234c5afb799b73d87569f5cc", "HMAC-SHA256", realm="123456"),
          ("d26ad321a4b2f23b0741c8d38392ce01c3e23e109df6c96eac6d099e9ab9e8b5",
           "c29a677df7d5439a458c063654187e3d678d73aca8e3c9d8bea1478a3eb0d295"))
published("oauth_1_0a_js_repeated_values", "oauth-1.0a's tests", "PUT",
          "http://localhost:3737/rest/profiles/1ea2a42f-e14d-4057-8bcd-3e0b4514a267/properties?alt=json",
          pairs("batch-dbc2cd8c-6ca8-463b-96e2-6d8683eac6fd", "tKOQtKan8PHIrIoOlrl17zHkZQ2H5CsP", "1445951836",
                "ri0lfv4udd2uQmkg5cCPVqLruyk="), ("4S4Rvm25CJZWv7HBg5HOhhlRTBSZ7npl", ""), content_type=FORM,
          body="currentbrowserversion=1&currentbrowserversion=5&currentbrowserversion=dfadfadfa")
published("oauthlib_parameters_in_the_form", "oauthlib's tests", "POST", "http://i.b/path", None, ("", ""),
          content_type=FORM,
          body="a=b&oauth_nonce=14205877133089081931378988215&oauth_timestamp=1378988215&oauth_version=1.0&"
               "oauth_signature_method=HMAC-SHA1&oauth_consumer_key=client_key&oauth_signature=2JAQomgbShqoscqKWBiYQZwWq94%3D")
published("oauthlib_parameters_in_the_query", "oauthlib's tests", "POST",
          "http://i.b/path?oauth_nonce=14205877133089081931378988215&oauth_timestamp=1378988215&oauth_version=1.0&"
          "oauth_signature_method=HMAC-SHA1&oauth_consumer_key=client_key&oauth_signature=08G5Snvw%2BgDAzBF%2BCmT5KqlrPKo%3D",
          None, ("", ""))
for name, made, timestamp, nonce, rest in [
    ("an_empty_value", "/tuo1sYQB8oKiKfbR7xB7ayuv0s=", "1536162928", "1rC2NGlkEacq5jD0u7msfCT0mRfOaFMz4jJyvHM4MsQ",
     {"context_id": "e05c24be1e", "context_title": "Section 955",
      "launch_presentation_return_url": "https://learn-lti.herokuapp.com/tool_return/signature_check/2/6862",
      "lis_person_name_full": "Dong Miller", "resource_link_id": "30fd061cfe", "roles": "",
      "tool_consumer_instance_name": "Organization 738", "user_id": "b029d74d0a"}),
    ("a_urn", "s182wI2czmouKeqG5Bj7aX7N5BQ=", "1536162929", "gF0HZHJPGyeicNv8eW0NFlhLyv0l60mkT7albdBaws",
     {"context_id": "b716c3bf45", "context_title": "Course 517",
      "launch_presentation_return_url": "https://learn-lti.herokuapp.com/tool_return/signature_check/2/628",
      "lis_person_name_full": "Dong Jones", "resource_link_id": "ca96a54273",
      "roles": "urn:lti:instrole:ims/lis/administrator", "tool_consumer_instance_name": "Class 465",
      "user_id": "b0a13934a8"}),
]:
    published(f"lti_launch_with_{name}", "caccl-lti's tests", "POST", "https://localhost:8080/launch", None,
              ("c64d84750dcb21febd995058588f019f", ""), content_type=FORM,
              body=form(oauth_consumer_key="5b6ee40cc9fcdaede550654a93307dcd", oauth_signature_method="HMAC-SHA1",
                        oauth_timestamp=timestamp, oauth_nonce=nonce, oauth_version="1.0",
                        lti_message_type="basic-lti-launch-request", lti_version="LTI-1p0", oauth_signature=made, **rest))

# ---- 1 to 5: parameters ---------------------------------------------------------------------------

case("encode_then_sort", "3.4.1.3.2",
     GET + "%25C3%25A9%3D1%26a%3D10%26a%3D2%26a%255B%255D%3Dx%26a-b%3D1%26" + SIGNED + "%26z%3D1%26~%3Dt",
     url="http://h/?~=t&z=1&a-b=1&a%5B%5D=x&a=2&a=10&%C3%A9=1")
case("duplicate_and_empty_parameters_are_kept", "3.4.1.3.1", GET + "a%3D%26a%3D1%26a%3D1%26c2%3D%26" + SIGNED,
     url="http://h/?a=1&c2&a&a=1")
case("header_realm_is_left_out", "3.4.1.3.1", GET + SIGNED, authorization=HEADER + ', realm="a, b=\\"c\\""')
case("query_realm_is_signed", "3.4.1.3.1", GET + SIGNED + "%26realm%3Dr", url="http://h/?realm=r")
case("plus_is_a_space_in_the_query", "3.4.1.3.1", GET + "a%2520b%3Dc%2520d%26" + SIGNED, url="http://h/?a+b=c+d")
case("plus_is_literal_in_the_header", "3.5.1", GET + SIGNED + "%26x%3Da%252Bb", authorization=HEADER + ', x="a+b"')
case("decodes_exactly_once", "3.4.1.3.1", GET + "a%3D%25253D%26" + SIGNED, url="http://h/?a=%253D")
case("encodes_all_but_unreserved", "3.6",
     GET + "a%3DAz0-._~%2521%252A%2527%2528%2529%252F%253A%253F%2540%2524%252C%26" + SIGNED,
     url="http://h/?a=%41z0-._~!*'()/:?@$,")
case("a_form_counts_for_put", "3.4.1.3.1", "PUT&http%3A%2F%2Fh%2F&a%3D1%26" + SIGNED, method="PUT",
     content_type=FORM, body="a=1")
case("a_form_counts_for_get", "3.4.1.3.1", GET + "a%3D1%26" + SIGNED, content_type=FORM, body="a=1")
case("a_form_with_charset_counts", "3.4.1.3.1", "POST&http%3A%2F%2Fh%2F&a%3D1%26" + SIGNED, method="POST",
     content_type="Application/X-WWW-Form-Urlencoded; charset=utf-8", body="a=1")
case("multipart_does_not_count", "3.4.1.3.1", "POST&http%3A%2F%2Fh%2F&" + SIGNED, method="POST",
     content_type="multipart/form-data; boundary=b", body="a=1")
case("json_does_not_count", "3.4.1.3.1", "POST&http%3A%2F%2Fh%2F&" + SIGNED, method="POST",
     content_type="application/json", body="{}")
case("bytes_that_are_not_utf8_are_signed_as_they_are", "3.4.1.3.1",
     "POST&http%3A%2F%2Fh%2F&a%3D%25FF%2500%25FE%26" + SIGNED, method="POST", content_type=FORM,
     body_base64=base64.b64encode(b"a=%ff%00\xfe").decode())
case("a_form_without_its_body_is_refused", "3.4.1.3.1", None, 400, "parameter_absent", method="POST",
     content_type=FORM)

# ---- 6 and 7: method and URI ----------------------------------------------------------------------

for name, url, uri in [
    ("scheme_and_host_in_lower_case", "HTTP://EXAMPLE.com/P", "http://example.com/P"),
    ("port_80_is_left_out_for_http", "http://h:80/", "http://h/"),
    ("port_443_is_left_out_for_https", "https://h:443/", "https://h/"),
    ("port_443_stays_for_http", "http://h:443/", "http://h:443/"),
    ("port_80_stays_for_https", "https://h:80/", "https://h:80/"),
    ("an_empty_path_is_a_slash", "http://h?", "http://h/"),
    ("the_path_stays_as_it_is", "http://h//a/../b/%7E%2f;p=1/~;", "http://h//a/../b/%7E%2f;p=1/~;"),
    ("ipv6_stays_in_brackets", "http://[2001:DB8:0::1]:8080/", "http://[2001:db8:0::1]:8080/"),
]:
    case(name, "3.4.1.2", f"GET&{quote(uri, safe='-._~')}&{SIGNED}", url=url, uri=uri)
case("the_method_in_upper_case", "3.4.1.1", GET + SIGNED, method="get")
case("an_unknown_method_is_encoded", "3.4.1.1", "M-SEARCH%2A&http%3A%2F%2Fh%2F&" + SIGNED, method="m-search*")

# ---- 8 to 12: keys, version, timestamp, token ------------------------------------------------------

case("both_secrets_empty", "3.4.2", GET + SIGNED, secrets=("", ""), key="&")
case("secrets_are_encoded_in_the_key", "3.4.2", GET + SIGNED, secrets=("a b&c", "%é+"), key="a%20b%26c&%25%C3%A9%2B")
case("secrets_that_are_not_encoded_do_not_match", "3.4.2", GET + SIGNED, 401, "signature_invalid",
     secrets=("a b&c", "%+"), key="a b&c&%+", hint="would match with the secrets not encoded")
PLAIN = 'OAuth oauth_consumer_key="k", oauth_signature_method="PLAINTEXT", oauth_signature='
case("plaintext_compares_the_encoded_secrets", "3.4.4", None, secrets=("a b", "t%"),
     authorization=PLAIN + '"a%2520b%26t%2525"', url="https://h/")
case("plaintext_with_empty_secrets", "3.4.4", None, secrets=("", ""), authorization=PLAIN + '"%26"', url="https://h/")
case("plaintext_with_a_wrong_secret", "3.4.4", None, 401, "signature_invalid", authorization=PLAIN + '"c%26x"',
     url="https://h/")
case("plaintext_over_http_where_https_is_required", "3.4.4", None, 400, "transport_insecure",
     authorization=PLAIN + '"c%26t"', require_https=True)
case("version_1_0", "3.1", GET + SIGNED + "%26oauth_version%3D1.0", authorization=HEADER + ', oauth_version="1.0"')
refused("version_1_1", "3.1", 400, "version_rejected", HEADER + ', oauth_version="1.1"')
for timestamp in ["0", "+1", "1e9", "%201", "01", "-1", "", "9223372036854775808"]:
    refused(f"timestamp_{timestamp}_is_refused", "3.3", 400, "parameter_rejected",
            HEADER.replace('oauth_timestamp="1"', f'oauth_timestamp="{timestamp}"'))
case("a_timestamp_of_63_bits", "3.3", GET + SIGNED.replace("timestamp%3D1", "timestamp%3D9223372036854775807"),
     authorization=HEADER.replace('timestamp="1"', 'timestamp="9223372036854775807"'))
case("an_empty_token_is_signed", "3.1", GET + SIGNED + "%26oauth_token%3D", authorization=HEADER + ', oauth_token=""')

# ---- 13: the header, and the other two places ------------------------------------------------------

case("scheme_in_any_case_and_odd_white_space", "3.5.1", GET + SIGNED,
     authorization="oAUTH  ,,\t" + HEADER.removeprefix("OAuth ").replace(", ", "\t ,, ") + " , ")
case("protocol_parameters_in_the_query", "3.5.3", GET + SIGNED, authorization=None,
     url="http://h/?oauth_consumer_key=k&oauth_nonce=n&oauth_signature_method=HMAC-SHA1&oauth_timestamp=1"
         "&oauth_signature={s}")
case("protocol_parameters_in_the_form", "3.5.2", "POST&http%3A%2F%2Fh%2F&" + SIGNED, authorization=None, method="POST",
     content_type=FORM, body="oauth_consumer_key=k&oauth_nonce=n&oauth_signature_method=HMAC-SHA1&oauth_timestamp=1"
                             "&oauth_signature={s}")
case("a_raw_plus_in_a_signature_of_the_query_is_a_space", "3.5.3", None, 401, "signature_invalid", authorization=None,
     url="http://h/?oauth_consumer_key=k&oauth_nonce=n&oauth_signature_method=HMAC-SHA1&oauth_timestamp=1"
         "&oauth_signature=a+b")
refused("an_unquoted_value_is_refused", "3.5.1", 400, "parameter_rejected", HEADER + ", x=1")
refused("a_missing_comma_is_refused", "3.5.1", 400, "parameter_rejected", HEADER + ' x="1"')
for name, fold in [("crlf", "\r\n "), ("lf", "\n"), ("cr", "\r")]:
    refused(f"a_line_fold_is_refused_{name}", "3.5.1", 400, "parameter_rejected", HEADER + "," + fold + 'x="1"')
    refused(f"a_line_fold_after_the_scheme_is_refused_{name}", "3.5.1", 400, "parameter_rejected",
            HEADER.replace("OAuth ", "OAuth" + fold))
refused("a_broken_escape_in_the_header_is_refused", "3.6", 400, "parameter_rejected", HEADER + ', x="%zz"')
case("a_broken_escape_in_the_query_is_refused", "3.6", None, 400, "parameter_rejected", url="http://h/?a=%4")
refused("nul_in_a_protocol_parameter_is_refused", "3.6", 400, "parameter_rejected", HEADER + ', oauth_verifier="%00"')
refused("a_protocol_parameter_that_is_not_utf8_is_refused", "3.6", 400, "parameter_rejected",
        HEADER + ', oauth_verifier="%ff"')

# ---- duplicates, missing ones, methods --------------------------------------------------------------

refused("the_same_parameter_twice", "3.1", 400, "parameter_rejected", HEADER + ', oauth_nonce="n"')
refused("the_same_parameter_twice_in_another_spelling", "3.1", 400, "parameter_rejected", HEADER + ', oauth%5Fnonce="n"')
refused("an_unknown_protocol_parameter_twice", "3.1", 400, "parameter_rejected", HEADER + ', oauth_x="", oauth_x=""')
case("protocol_parameters_in_two_places", "3.5", None, 400, "parameter_rejected", url="http://h/?oauth_x=1")
case("protocol_parameters_in_two_places_by_decoded_name", "3.5", None, 400, "parameter_rejected",
     url="http://h/?%6fauth_x=1")
case("protocol_parameters_in_header_and_form", "3.5", None, 400, "parameter_rejected", method="POST",
     content_type=FORM, body="oauth_token=t")
for name in ["consumer_key", "nonce", "signature_method", "timestamp", "signature"]:
    given = [pair for pair in HEADER.removeprefix("OAuth ").split(", ") if not pair.startswith(f"oauth_{name}=")]
    refused(f"{name}_is_missing", "3.1", 400, "parameter_absent", "OAuth " + ", ".join(given))
refused("no_oauth_at_all", "3.2", 401, "parameter_absent", None)
refused("another_scheme", "3.2", 401, "parameter_absent", "Bearer abc")
refused("an_unknown_signature_method", "3.2", 400, "signature_method_rejected", HEADER.replace("-SHA1", "-MD5"))
refused("a_signature_method_in_lower_case", "3.2", 400, "signature_method_rejected", HEADER.replace("HMAC-SHA1", "hmac-sha1"))
case("a_signature_method_that_is_not_allowed", "3.2", None, 400, "signature_method_rejected",
     signature_methods=["HMAC-SHA256"])
refused("rsa_without_a_key", "3.4.3", 400, "signature_method_rejected", HEADER.replace("HMAC-SHA1", "RSA-SHA1"))
case("hmac_sha256", "3.4.2", GET + SIGNED.replace("SHA1", "SHA256"), digest="sha256",
     authorization=HEADER.replace("SHA1", "SHA256"))
case("hmac_sha512", "3.4.2", GET + SIGNED.replace("SHA1", "SHA512"), digest="sha512",
     authorization=HEADER.replace("SHA1", "SHA512"))

# ---- 14: the body hash (OAuth Request Body Hash 1.0) -------------------------------------------------

HASH = "Lve95gjOVATpfV8EL5X4nxwjKHE="


def encoded_twice(text):
    return quote(quote(text, safe=""), safe="")


HASHED = "POST&http%3A%2F%2Fh%2F&oauth_body_hash%3D" + encoded_twice(HASH) + "%26" + SIGNED
WITH_HASH = HEADER + f', oauth_body_hash="{quote(HASH, safe="")}"'
case("the_body_hash_of_the_draft", "body hash 4", HASHED, authorization=WITH_HASH, method="POST",
     content_type="text/plain", body="Hello World!")
case("a_body_that_was_changed", "body hash 4", HASHED, 401, "signature_invalid", authorization=WITH_HASH,
     method="POST", content_type="text/plain", body="Hello World?")
case("a_body_hash_without_the_body_is_unchecked", "body hash 4", HASHED, authorization=WITH_HASH, method="POST",
     content_type="text/plain")
case("a_body_hash_with_a_form", "body hash 4.1", None, 400, "parameter_rejected", authorization=WITH_HASH,
     method="POST", content_type=FORM, body="")
HASH_OF_NOTHING = "2jmj7l5rSw0yVb/vlWAYkK/YBwk="
case("the_body_hash_of_an_empty_form", "ruby-oauth", HASHED.replace(encoded_twice(HASH), encoded_twice(HASH_OF_NOTHING)),
     authorization=HEADER + f', oauth_body_hash="{quote(HASH_OF_NOTHING, safe="")}"', method="POST", content_type=FORM, body="")
case("the_sha1_body_hash_with_another_digest", "oauthlib", HASHED.replace("SHA1", "SHA256"), digest="sha256",
     authorization=WITH_HASH.replace("SHA1", "SHA256"), method="POST", content_type="text/plain", body="Hello World!")

# ---- 16 and spelling: the signature is compared as text ----------------------------------------------

case("a_signature_with_other_base64", "3.2", GET + SIGNED, 401, "signature_invalid",
     authorization=HEADER.replace("{s}", "{s}%3D"))
case("a_signature_with_a_line_feed", "3.2", GET + SIGNED, 401, "signature_invalid",
     authorization=HEADER.replace("{s}", "{s}%0A"))
case("a_signature_that_need_not_be_encoded_in_the_header", "3.5.1", GET + SIGNED,
     authorization=HEADER.replace("{s}", "{r}"))
case("an_empty_signature", "3.2", GET + SIGNED, 401, "signature_invalid", authorization=HEADER.replace("{s}", ""))

# ---- hints --------------------------------------------------------------------------------------------

case("signed_for_https_received_by_http", "hint", "GET&https%3A%2F%2Fh%2F&" + SIGNED, 401, "signature_invalid",
     differs=True, hint="would match with scheme https")
case("signed_with_another_origin", "hint", "GET&https%3A%2F%2Fapi.example.com%2F&" + SIGNED, 401, "signature_invalid",
     differs=True, origins=["https://api.example.com"], hint="would match with origin https://api.example.com")
case("signed_with_a_prefix", "hint", "GET&http%3A%2F%2Fh%2Fv1%2Fx&" + SIGNED, 401, "signature_invalid", differs=True,
     url="http://h/x", path_prefixes=["/v1"], hint="would match with path prefix /v1")
case("signed_without_the_token_secret", "hint", GET + SIGNED, 401, "signature_invalid", key="c&",
     hint="would match with the token secret left out")
case("says_where_the_base_strings_part", "hint", GET + SIGNED, 401, "signature_invalid", key="x&",
     client_base_string="POST&http%3A%2F%2Fh%2F&" + SIGNED, hint="the base strings differ first at byte 0")

# ---- what is no request ---------------------------------------------------------------------------------

for name, url in [("relative", "/x"), ("with_user", "http://u@h/"), ("with_fragment", "http://h/#f"),
                  ("of_another_scheme", "ftp://h/"), ("without_host", "http:///x"), ("with_port_0", "http://h:0/"),
                  ("with_a_space", "http://h/a b")]:
    case(f"a_url_{name}", "3.4.1.2", None, 400, "parameter_rejected", url=url)
case("a_method_with_a_space", "3.4.1.1", None, 400, "parameter_rejected", method="GE T")
case("a_request_with_257_parameters", "limits", None, 400, "parameter_rejected", url="http://h/?" + "&".join("a" * 252))

if __name__ == "__main__":
    with open(HERE / "cases.jsonl", "w", encoding="ascii") as out:
        for line in CASES:
            out.write(json.dumps(line) + "\n")
