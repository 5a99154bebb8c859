"""Logging in from a terminal (RFC 8628): a code to approve in a browser, anywhere."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from rocketship.dataclass import dataclass
from rocketship.errors import Refused, Unauthenticated
from rocketship.run.printable import printable
from rocketship.tokens.clock import Clock
from rocketship.tokens.login import Login
from rocketship.tokens.oauth.client import Answer, OAuthClient, Unanswered
from rocketship.tokens.oauth.grant import with_grant
from rocketship.tokens.oauth.provider import Advertised, Provider
from rocketship.values import format_duration

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"
DEFAULT_SCOPES = ("openid", "profile", "email", "offline_access")
#: Of RFC 8628, for issuers that do not say.
DEFAULT_INTERVAL_SECONDS = 5.0
SLOW_DOWN_SECONDS = 5.0
DEFAULT_LIFETIME_SECONDS = 600.0
MAX_PAUSE_SECONDS = 60.0
_AGAIN = "run `rocketship login` again"


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a person has to do: open a URL and check or type a code.

    Attributes:
        uri: The page to open.
        complete_uri: The same with the code in it; empty when the issuer has none.
        expires_at: When the code ends, in seconds since 1970.
    """

    user_code: str
    uri: str
    complete_uri: str
    expires_at: float


class DeviceFlow:
    """One attempt to log in.

    Args:
        note: Told when the issuer cannot be reached for a while.
        max_seconds: The longest to wait for somebody, beside the life of the code.
    """

    def __init__(
        self,
        client: OAuthClient,
        provider: Provider,
        advertised: Advertised,
        clock: Clock,
        *,
        note: Callable[[str], None],
        max_seconds: float | None = None,
    ) -> None:
        self._client = client
        self._provider = provider
        self._advertised = advertised
        self._clock = clock
        self._note = note
        self._max_seconds = max_seconds
        self._device_code = ""
        self._interval = DEFAULT_INTERVAL_SECONDS
        self._until = 0.0

    def begin(self) -> Prompt:
        """Ask for a code.

        Raises:
            Refused: The issuer gives none.
            Unanswered: The issuer does not answer.
        """
        scopes = self._advertised.scopes or DEFAULT_SCOPES
        form = {"client_id": self._advertised.client_id, "scope": " ".join(scopes)}
        answer = self._client.post(self._provider.device_endpoint, self._for_engine(form))
        if answer.error:
            raise Refused(
                f"{self._provider.issuer} gives no code to log in with: {_why(answer)}",
                hint="is the client id of the engine allowed to use the device flow there?",
            )
        self._device_code = answer.text("device_code")
        self._interval = answer.seconds("interval") or DEFAULT_INTERVAL_SECONDS
        lifetime = answer.seconds("expires_in") or DEFAULT_LIFETIME_SECONDS
        self._until = self._clock.now() + min(lifetime, self._max_seconds or lifetime)
        uri = _page(answer.text("verification_uri") or answer.text("verification_url"))
        complete = answer.text("verification_uri_complete")
        code = printable(answer.text("user_code"))
        if not self._device_code or not code or not uri:
            raise Refused(f"the answer of {self._provider.device_endpoint} lacks the code")
        return Prompt(code, uri, _page(complete) if complete else "", self._until)

    def wait(self) -> Login:
        """Ask again and again until somebody has decided, and return the login.

        Raises:
            Unauthenticated: The login was denied, or nobody approved it in time.
            Refused: The issuer answers in a way that leads nowhere.
        """
        failures = 0
        while True:
            pause = self._interval
            if failures:
                pause = max(pause, min(pause * 2**failures, MAX_PAUSE_SECONDS))
            self._pause(pause)
            try:
                answer = self._poll()
            except Unanswered as error:
                if not failures:
                    self._note(f"{error.message}; asking again")
                failures += 1
                continue
            failures = 0
            if not answer.error:
                return with_grant(self._begun(), answer, self._clock.now())
            self._react(answer)

    def _pause(self, seconds: float) -> None:
        left = self._until - self._clock.now()
        if left <= 0:
            raise Unauthenticated("nobody approved the login in time", hint=_AGAIN)
        self._clock.sleep(min(seconds, left))

    def _poll(self) -> Answer:
        form = {
            "grant_type": GRANT_TYPE,
            "device_code": self._device_code,
            "client_id": self._advertised.client_id,
        }
        return self._client.post(self._provider.token_endpoint, form)

    def _react(self, answer: Answer) -> None:
        """Go on polling, or say why there is no point in it."""
        issuer = self._provider.issuer
        match answer.error:
            case "authorization_pending":
                return
            case "invalid_grant" if self._clock.now() >= self._until:
                # Some issuers forget a code that has ended, and then know nothing of it.
                raise Unauthenticated("nobody approved the login in time", hint=_AGAIN)
            case "slow_down":
                self._interval += SLOW_DOWN_SECONDS
            case "access_denied":
                raise Unauthenticated("the login was denied", hint=_AGAIN)
            case "expired_token":
                raise Unauthenticated(
                    "nobody approved the login before its code ended", hint=_AGAIN
                )
            case _:
                raise Refused(f"{issuer} ended the login: {_why(answer)}", hint=_AGAIN)

    def _begun(self) -> Login:
        return Login(
            server=self._advertised.server,
            issuer=self._provider.issuer,
            audience=self._advertised.audience,
            client_id=self._advertised.client_id,
            token_endpoint=self._provider.token_endpoint,
            revocation_endpoint=self._provider.revocation_endpoint,
            scopes=self._advertised.scopes or DEFAULT_SCOPES,
        )

    def _for_engine(self, form: dict[str, str]) -> dict[str, str]:
        # Some issuers know the engine as `audience`, others, as RFC 8707 says, as `resource`, which
        # must be a URI.
        audience = self._advertised.audience
        resource = audience if urlsplit(audience).scheme in ("https", "http", "urn") else ""
        return {**form, "audience": audience, "resource": resource}


def shown_time_left(prompt: Prompt, now: float) -> str:
    """Return how long a code can still be used, for people."""
    return format_duration(max(prompt.expires_at - now, 0))


def _page(url: str) -> str:
    """Return a URL that may be shown and opened.

    Raises:
        Refused: It is none of a web page.
    """
    from rocketship.tokens.oauth.client import check_endpoint

    if url:
        check_endpoint(url)
    return url


def _why(answer: Answer) -> str:
    return f"{answer.description} ({answer.error})" if answer.description else answer.error
