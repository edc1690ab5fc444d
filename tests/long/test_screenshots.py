"""Every page of the resource owner, in light and dark, on a desktop and on a phone, in each language: pictures in
build/screenshots, to be looked at. What a picture cannot be judged for by a machine is left to eyes; what can be is asserted:
nothing is wider than the screen, and the browser refused nothing for the pages' policy."""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.flow import Flow  # noqa: E402
from harness.owner import Owner  # noqa: E402
from harness.pictures import write_logo  # noqa: E402
from harness.provider import Provider  # noqa: E402
from selenium import webdriver  # noqa: E402
from selenium.webdriver.chrome.service import Service as Driver  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

PICTURES = Path(__file__).resolve().parents[2] / "build/screenshots"
PASSWORD = "granite otter lamp 7"
SCREENS = {"desktop": (1100, 850), "phone": (375, 760)}
LANGUAGES = ("en", "de", "ja")
SCOPES = {
    "photos:read": {"text": "See your photos and albums", "group": "Photos", "languages": {
        "de": {"text": "Ihre Fotos und Alben ansehen", "group": "Fotos"},
        "ja": {"text": "写真とアルバムを見る", "group": "写真"}}},
    "photos:delete": {"text": "Delete photos for ever", "group": "Photos", "dangerous": True, "languages": {
        "de": {"text": "Fotos endgültig löschen", "group": "Fotos"},
        "ja": {"text": "写真を完全に削除する", "group": "写真"}}},
    "profile": {"text": "See your name and e-mail address", "group": "Profile", "languages": {
        "de": {"text": "Ihren Namen und Ihre E-Mail-Adresse ansehen", "group": "Profil"},
        "ja": {"text": "名前とメールアドレスを見る", "group": "プロフィール"}}},
}


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    folder = tmp_path_factory.mktemp("screenshots")
    (folder / "scopes.json").write_text(json.dumps(SCOPES), encoding="utf-8")
    made = Provider(folder, OAUTH1_RATE_LIMIT_LOGIN_PAIR="1000", OAUTH1_BRAND_NAME="Photo Garden",
                    OAUTH1_BRAND_LOGO=write_logo(folder / "logo.png"), OAUTH1_BRAND_COLOR="#0b6e4f",
                    OAUTH1_TERMS_URL="https://photos.example/terms", OAUTH1_PRIVACY_URL="https://photos.example/privacy",
                    OAUTH1_HELP_URL="https://photos.example/help",
                    OAUTH1_FORGOTTEN_PASSWORD_URL="https://photos.example/forgotten",
                    OAUTH1_SCOPES_FILE=folder / "scopes.json").start()
    made.create_user("jane", PASSWORD)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def chromium():
    folder = tempfile.mkdtemp(prefix="countersign-browser-")
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage",
                 "--hide-scrollbars", f"--user-data-dir={folder}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(service=Driver("/usr/bin/chromedriver"), options=options)
    driver.set_page_load_timeout(20)
    yield driver
    driver.quit()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def pages(provider):
    """{name: how the browser comes to see it}"""
    client = provider.create_client("--scope", "photos:read photos:delete profile", "--optional-scopes",
                                    "--website", "https://printer.example/", "--description", "Prints on real paper.")
    plain = provider.create_client("--scope", "photos:read photos:edit", "--verified", name="Frame")
    asked, asked_plainly = Flow(provider, client), Flow(provider, plain)
    asked.initiate()
    asked_plainly.initiate("oob")
    session = Owner(provider, "jane", PASSWORD)
    for allowed in (client, plain):
        Flow(provider, allowed, session).token()
    session.consent_page(asked.temporary.token)
    authorize = "/oauth/authorize?oauth_token="

    def code(browser):
        flow = Flow(provider, plain)
        flow.initiate("oob")
        browser.get(provider.url + authorize + flow.temporary.token)
        browser.find_element("css selector", "button[value=grant]").click()
        arrive(browser, "#verifier")

    def wrong_password(browser):
        browser.get(provider.url + "/login")
        browser.find_element("name", "username").send_keys("jane")
        browser.find_element("name", "password").send_keys("no")
        browser.find_element("name", "password").submit()
        arrive(browser, "[role=alert]")

    def at(path):
        return lambda browser: browser.get(provider.url + path)

    return session, {
        "login": (False, at(f"/login?return_to=%2Foauth%2Fauthorize%3Foauth_token%3D{asked.temporary.token}")),
        "wrong": (False, wrong_password),
        "consent": (True, at(authorize + asked.temporary.token)),
        "plain": (True, at(authorize + asked_plainly.temporary.token)),
        "code": (True, code),
        "error": (False, at(authorize + "unknown")),
        "home": (True, at("/")),
        "applications": (True, at("/account/applications")),
        "narrowed": (True, at("/account/applications?done=narrowed")),
        "security": (True, at("/account/security")),
        "weak": (True, at("/account/security?done=common")),
        "again": (False, at("/login?because=again")),
        "nowhere": (False, at("/nowhere")),
    }


def arrive(browser, selector):
    WebDriverWait(browser, 10).until(lambda b: b.find_elements("css selector", selector))


def look(browser, scheme, screen):
    width, height = SCREENS[screen]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": screen == "phone"})


def enter(browser, provider, cookies):
    browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
    for name, value in cookies.items():
        browser.execute_cdp_cmd("Network.setCookie", {"name": name, "value": value, "url": provider.url})


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("scheme", ("light", "dark"))
def test_pages_are_pictured(provider, chromium, pages, scheme, screen, language):
    PICTURES.mkdir(parents=True, exist_ok=True)
    session, shown = pages
    for name, (is_logged_in, come) in shown.items():
        cookies = {cookie.name: cookie.value for cookie in session.session.cookies} if is_logged_in else {}
        enter(chromium, provider, {**cookies, "countersign_language": language})
        look(chromium, scheme, screen)
        chromium.get_log("browser")
        come(chromium)
        assert chromium.find_element("css selector", "html").get_attribute("lang") == language
        wide = chromium.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, f"{name} is {wide} pixels too wide"
        assert [e for e in chromium.get_log("browser") if "Content Security Policy" in e["message"]] == []
        tall = chromium.execute_script("return document.documentElement.scrollHeight")
        chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": SCREENS[screen][0], "height": max(tall, 300), "deviceScaleFactor": 1, "mobile": screen == "phone"})
        chromium.save_screenshot(str(PICTURES / f"{name}-{language}-{screen}-{scheme}.png"))
