"""What people fill in."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import EmailField, IntegerField, PasswordField, SelectField, StringField
from wtforms.validators import DataRequired, Length, NumberRange, Regexp

_ADDRESS = Regexp(
    r"[^@\s]+@[^@\s]+\.[^@\s]+\Z", message="Write an address such as you@example.com."
)
_REQUIRED = DataRequired("This one is needed.")
_STRIPPED = (lambda text: text.strip() if text else text,)


class SignUpForm(FlaskForm):
    """Make an account."""

    name = StringField("Your name", [_REQUIRED, Length(max=80)], filters=_STRIPPED)
    email = EmailField("E-mail", [_REQUIRED, Length(max=254), _ADDRESS], filters=_STRIPPED)
    password = PasswordField(
        "Password",
        [_REQUIRED, Length(min=10, max=200, message="Use at least 10 characters.")],
        render_kw={"autocomplete": "new-password"},
    )


class LogInForm(FlaskForm):
    """Prove who you are."""

    email = EmailField(
        "E-mail", [_REQUIRED], filters=_STRIPPED, render_kw={"autocomplete": "username"}
    )
    password = PasswordField(
        "Password",
        [_REQUIRED, Length(max=200)],
        render_kw={"autocomplete": "current-password"},
    )


class OrganizationForm(FlaskForm):
    """Add another organization."""

    name = StringField("Name", [_REQUIRED, Length(max=100)], filters=_STRIPPED)
    domain = StringField(
        "Site",
        [
            _REQUIRED,
            Length(max=253),
            Regexp(r"[\w-]+(\.[\w-]+)+\Z", message="Write it as example.com."),
        ],
        filters=_STRIPPED,
    )


class InvitationForm(FlaskForm):
    """Ask somebody to join."""

    email = EmailField("E-mail", [_REQUIRED, Length(max=254), _ADDRESS], filters=_STRIPPED)
    role = SelectField("Role", choices=["member", "admin"])


class SeatsForm(FlaskForm):
    """Say for how many people to pay."""

    seats = IntegerField("Seats", [_REQUIRED, NumberRange(1, 100, "Between 1 and 100.")])
