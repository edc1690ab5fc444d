"""Every page that a person can come to, for tests of how pages look: a provider with a brand, another one where a site logs its
users in, and the way to each page."""

import json
from contextlib import contextmanager
from functools import partial

from harness.chromium import element, forget, set_screen
from harness.flow import Flow
from harness.owner import Owner, Page
from harness.pictures import write_logo
from harness.provider import Provider
from harness.site import VARIABLES, Site, challenge_of

PASSWORD = "granite otter lamp 7"
LANGUAGES = ("en", "de", "ja")
SCOPES = {
    "photos:read": {"text": "See your photos and albums", "group": "Photos", "self_service": True, "languages": {
        "de": {"text": "Ihre Fotos und Alben ansehen", "group": "Fotos"},
        "ja": {"text": "写真とアルバムを見る", "group": "写真"}}},
    "photos:delete": {"text": "Delete photos for ever", "group": "Photos", "dangerous": True, "self_service": True, "languages": {
        "de": {"text": "Fotos endgültig löschen", "group": "Fotos"},
        "ja": {"text": "写真を完全に削除する", "group": "写真"}}},
    "profile": {"text": "See your name and e-mail address", "group": "Profile", "languages": {
        "de": {"text": "Ihren Namen und Ihre E-Mail-Adresse ansehen", "group": "Profil"},
        "ja": {"text": "名前とメールアドレスを見る", "group": "プロフィール"}}},
}
AUTHORIZE = "/oauth/authorize?oauth_token="
NEW, TRY = "/developer/applications/new", "/developer/try"


@contextmanager
def branded_provider(folder, **variables):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scopes.json").write_text(json.dumps(SCOPES), encoding="utf-8")
    made = Provider(folder, OAUTH1_BRAND_NAME="Photo Garden", OAUTH1_BRAND_LOGO=write_logo(folder / "logo.png"),
                    OAUTH1_BRAND_COLOR="#0b6e4f", OAUTH1_TERMS_URL="https://photos.example/terms",
                    OAUTH1_PRIVACY_URL="https://photos.example/privacy", OAUTH1_HELP_URL="https://photos.example/help",
                    OAUTH1_FORGOTTEN_PASSWORD_URL="https://photos.example/forgotten", OAUTH1_REGISTRATION="approval",
                    OAUTH1_SCOPES_FILE=folder / "scopes.json", OAUTH1_RATE_LIMIT_LOGIN_PAIR="1000", **variables)
    try:
        made.start()
        for name in ("jane", "joe"):
            made.create_user(name, PASSWORD)
        yield made
    finally:
        made.stop()


@contextmanager
def every_page(folder):
    with branded_provider(folder / "here") as here, branded_provider(folder / "at-site", **VARIABLES) as at_site:
        yield Pages(here, at_site)


class Pages:
    """`names` are those of the pages; show() brings a browser to one of them."""

    def __init__(self, provider, at_site):
        self.provider = provider
        self.at_site = at_site
        self.printer = provider.create_client("--scope", "photos:read photos:delete profile", "--optional-scopes",
                                              "--website", "https://printer.example/", "--description", "Prints on real paper.")
        self.frame = provider.create_client("--scope", "photos:read photos:edit", "--verified", name="Frame")
        self.longest = provider.create_client("--scope", "photos:read", "--website", f"https://{'long.' * 40}example/",
                                              "--description", "Prints " + "w" * 200, name="W" * 100)
        self.asked = {client: self.request(client) for client in ("printer", "longest")}
        self.oob = self.request("frame", "oob")
        self.jane, self.joe = (Owner(provider, name, PASSWORD) for name in ("jane", "joe"))
        for allowed in (self.printer, self.frame, self.longest):
            Flow(provider, allowed, self.jane).token()
        self.joe.consent_page(self.request("frame"))
        self.mine = self.register()
        self.ways = {"home": (None, "/"), "nowhere": (None, "/nowhere"), "problems": (None, "/problems"),
                     "error": (None, AUTHORIZE + "unknown"), "again": (None, "/login?because=again"),
                     "login": (None, f"/login?return_to=%2Foauth%2Fauthorize%3Foauth_token%3D{self.asked['printer']}"),
                     "wrong": (None, self.type_a_wrong_password),
                     "consent": (self.jane, AUTHORIZE + self.asked["printer"]),
                     "consent-verified": (self.jane, AUTHORIZE + self.oob),
                     "consent-longest": (self.jane, AUTHORIZE + self.asked["longest"]), "code": (self.jane, self.grant_oob),
                     "home-inside": (self.jane, "/"), "applications": (self.jane, "/account/applications"),
                     "applications-narrowed": (self.jane, "/account/applications?done=narrowed"),
                     "applications-none": (self.joe, "/account/applications"),
                     "security": (self.jane, "/account/security"), "password-weak": (self.jane, "/account/security?done=common"),
                     "clients": (self.jane, "/developer/applications"), "clients-none": (self.joe, "/developer/applications"),
                     "client-new": (self.jane, NEW), "client-refused": (self.jane, self.register_nameless),
                     "client": (self.jane, f"/developer/applications/{self.mine}"),
                     "client-saved": (self.jane, f"/developer/applications/{self.mine}?done=saved"),
                     "client-secret": (self.jane, self.rotate), "client-token": (self.jane, self.issue_token),
                     "try": (self.jane, TRY), "try-verdict": (self.jane, self.try_a_request),
                     "security-delegated": (None, self.log_in_at_the_site), "not-logged-in": (None, self.cancel_at_the_site)}
        self.names = tuple(self.ways)

    def request(self, client, callback="http://127.0.0.1/ready"):
        flow = Flow(self.provider, getattr(self, client))
        flow.initiate(callback)
        return flow.temporary.token

    def register(self):
        """A client of jane's own, by its form."""
        page = Page(self.jane.follow_within(self.jane.get(NEW)))
        made = self.jane.submit(page, page.form_with("name"), name="My camera", callbacks="https://camera.example/cb",
                                scope="photos:read", method=[], description="Sends what it sees.")
        return Page(made).texts["client_id"]

    def show(self, browser, name, language):
        owner, way = self.ways[name]
        forget(browser)
        set_screen(browser, "light", "desktop")
        self.set_cookies(browser, {"countersign_language": language})
        if owner:
            self.set_cookies(browser, owner.session.cookies.get_dict())
        if callable(way):
            way(browser)
        else:
            browser.get(self.provider.url + way)

    def set_cookies(self, browser, cookies):
        """For both providers: a browser does not tell ports apart."""
        for name, value in cookies.items():
            browser.execute_cdp_cmd("Network.setCookie", {"name": name, "value": value, "url": self.provider.url})

    # ---- where a site logs its users in

    def come_from_the_site(self, browser, decided):
        """With its decision on a challenge that this browser's cookie belongs to."""
        owner = Owner(self.at_site)
        answer = decided(challenge_of(owner.follow_to_site("/account/security")))
        self.set_cookies(browser, owner.session.cookies.get_dict())
        browser.get(answer.json()["redirect_to"])

    def log_in_at_the_site(self, browser):
        self.come_from_the_site(browser, partial(Site(self.at_site).accept, username="jane"))

    def cancel_at_the_site(self, browser):
        self.come_from_the_site(browser, Site(self.at_site).reject)

    # ---- pages that answer a form

    def type_a_wrong_password(self, browser):
        browser.get(self.provider.url + "/login")
        element(browser, "#username").send_keys("jane")
        element(browser, "#password").send_keys("no")
        element(browser, "button.yes").click()
        element(browser, "[role=alert]")

    def grant_oob(self, browser):
        browser.get(self.provider.url + AUTHORIZE + self.request("frame", "oob"))
        element(browser, "button[value=grant]").click()
        element(browser, "#verifier")

    def register_nameless(self, browser):
        browser.get(self.provider.url + NEW)
        element(browser, "#name").send_keys(" ")
        element(browser, "#register").click()
        element(browser, "[role=alert]")

    def press_on_mine(self, browser, deed, arrived):
        browser.get(f"{self.provider.url}/developer/applications/{self.mine}")
        element(browser, "#overlap option[value='0']").click()  # or there would be a second one in a week at the earliest
        element(browser, f"button[name=do][value={deed}]").click()
        element(browser, arrived)

    def rotate(self, browser):
        self.press_on_mine(browser, "rotate", "#client_secret")

    def issue_token(self, browser):
        self.press_on_mine(browser, "token", "#oauth_token")

    def try_a_request(self, browser):
        browser.get(self.provider.url + TRY)
        element(browser, "#method").send_keys("GET")
        element(browser, "#url").send_keys("https://api.example/photos?size=original&album=summer%20at%20the%20lake")
        element(browser, "#authorization").send_keys(
            f'OAuth oauth_consumer_key="{self.mine}", oauth_signature_method="HMAC-SHA1", oauth_timestamp="1700000000", '
            'oauth_nonce="abc", oauth_signature="bm8="')
        element(browser, "button.yes").click()
        element(browser, "#verdict")
