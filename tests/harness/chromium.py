"""Chromium without a window, and how it is made to look like a person's screen."""

import shutil
import tempfile
from contextlib import contextmanager

from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException, TimeoutException
from selenium.webdriver.chrome.service import Service as Driver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from harness.provider import PASSWORD

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --hide-scrollbars"
).split()
PATIENCE_S = 30  # nothing is judged by it: a machine that is busy with much else takes its time
SCREENS = {"desktop": (1100, 850), "phone": (375, 760)}
SCHEMES = ("light", "dark")


@contextmanager
def running_chromium():
    folder = tempfile.mkdtemp(prefix="countersign-browser-")
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in [*FLAGS, f"--user-data-dir={folder}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(service=Driver("/usr/bin/chromedriver"), options=options)
    driver.set_page_load_timeout(2 * PATIENCE_S)
    try:
        yield driver
    finally:
        driver.quit()
        shutil.rmtree(folder, ignore_errors=True)


def forget(browser):
    """A browser that has never been anywhere."""
    browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
    browser.execute_cdp_cmd("Network.clearBrowserCache", {})
    browser.get("about:blank")
    browser.get_log("browser")


def tries_again(browser):
    """Where the page says to do so: a store did not answer in time. On a busy machine that is no fault of what a test is about
    (harness/owner.py). What a form had sent is sent once more."""
    if [problem.get_attribute("textContent") for problem in browser.find_elements(By.ID, "problem")] != ["temporarily_unavailable"]:
        return False
    browser.refresh()
    return True


def wait(browser, condition):
    """Until it holds. What was found on the page before, which goes away meanwhile, is asked for again."""
    gone = [NoSuchElementException, StaleElementReferenceException]
    try:
        return WebDriverWait(browser, PATIENCE_S, ignored_exceptions=gone).until(lambda b: not tries_again(b) and condition(b))
    except TimeoutException:
        text = browser.find_element(By.TAG_NAME, "body").text
        raise AssertionError(f"not within {PATIENCE_S} s; {browser.current_url} says: {text}") from None


def element(browser, selector):
    return wait(browser, lambda b: b.find_element(By.CSS_SELECTOR, selector))


def log_in(browser, password=PASSWORD, username="jane"):
    """By the form that is shown."""
    name = element(browser, "input[name=username]")
    name.clear()
    name.send_keys(username)
    field = element(browser, "input[name=password]")
    field.send_keys(password)
    field.submit()


def violations(browser):
    """What the browser refused for the pages' policy."""
    return [entry["message"] for entry in browser.get_log("browser") if "Content Security Policy" in entry["message"]]


def set_screen(browser, scheme, screen, height=None):
    width, usual = SCREENS[screen]
    wishes = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}  # nothing is seen halfway to another colour
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {
        "features": [{"name": name, "value": value} for name, value in wishes.items()]})
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": width, "height": height or usual, "deviceScaleFactor": 1, "mobile": screen == "phone"})
