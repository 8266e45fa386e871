"""Which LDAP attribute fills which SCIM attribute: a closed list, the fields of a person's profile."""

from pydantic import Field

from config.kinds import AttributeName, OptionalAttribute, Table


class Attributes(Table):
    """Which LDAP attribute fills which SCIM attribute. An empty text: not read.

    The names follow inetOrgPerson (RFC 2798). In variables each has the field's own name: ...__ATTRIBUTES__GIVEN_NAME.
    """

    user_name: AttributeName = Field(
        default="uid", validation_alias="userName", description="What a person signs in with."
    )
    external_id: OptionalAttribute = Field(
        default="", validation_alias="externalId", description="An id that others know the person by."
    )
    display_name: OptionalAttribute = Field(default="cn", validation_alias="displayName", description="What is shown.")
    formatted_name: OptionalAttribute = Field(
        default="", validation_alias="name.formatted", description="The whole name."
    )
    given_name: OptionalAttribute = Field(
        default="givenName", validation_alias="name.givenName", description="The first name."
    )
    family_name: OptionalAttribute = Field(
        default="sn", validation_alias="name.familyName", description="The last name."
    )
    middle_name: OptionalAttribute = Field(default="", validation_alias="name.middleName", description="Further names.")
    honorific_prefix: OptionalAttribute = Field(
        default="", validation_alias="name.honorificPrefix", description='Such as "Dr.".'
    )
    honorific_suffix: OptionalAttribute = Field(
        default="", validation_alias="name.honorificSuffix", description='Such as "III".'
    )
    nick_name: OptionalAttribute = Field(default="", validation_alias="nickName", description="The casual name.")
    profile_url: OptionalAttribute = Field(
        default="", validation_alias="profileUrl", description="A page about the person."
    )
    title: OptionalAttribute = Field(default="title", description="The position.")
    user_type: OptionalAttribute = Field(
        default="employeeType", validation_alias="userType", description='Such as "Contractor".'
    )
    preferred_language: OptionalAttribute = Field(
        default="preferredLanguage",
        validation_alias="preferredLanguage",
        description="The language to address the person in.",
    )
    locale: OptionalAttribute = Field(default="", description="For dates and numbers.")
    timezone: OptionalAttribute = Field(default="", description='Such as "Europe/Berlin".')
    employee_number: OptionalAttribute = Field(
        default="", validation_alias="employeeNumber", description="The number that the enterprise gave the person."
    )
    cost_center: OptionalAttribute = Field(default="", validation_alias="costCenter", description="The cost centre.")
    organization: OptionalAttribute = Field(default="", description="The organisation.")
    division: OptionalAttribute = Field(default="", description="The division.")
    department: OptionalAttribute = Field(default="", description="The department.")
    work_email: OptionalAttribute = Field(
        default="mail", validation_alias='emails[type eq "work"].value', description="E-mail."
    )
    home_email: OptionalAttribute = Field(
        default="", validation_alias='emails[type eq "home"].value', description="Private e-mail."
    )
    other_email: OptionalAttribute = Field(
        default="", validation_alias='emails[type eq "other"].value', description="Further e-mail."
    )
    work_phone: OptionalAttribute = Field(
        default="telephoneNumber",
        validation_alias='phoneNumbers[type eq "work"].value',
        description="Telephone.",
    )
    home_phone: OptionalAttribute = Field(
        default="", validation_alias='phoneNumbers[type eq "home"].value', description="At home."
    )
    mobile_phone: OptionalAttribute = Field(
        default="mobile",
        validation_alias='phoneNumbers[type eq "mobile"].value',
        description="Mobile telephone.",
    )
    fax: OptionalAttribute = Field(default="", validation_alias='phoneNumbers[type eq "fax"].value', description="Fax.")
    pager: OptionalAttribute = Field(
        default="", validation_alias='phoneNumbers[type eq "pager"].value', description="Pager."
    )
    other_phone: OptionalAttribute = Field(
        default="",
        validation_alias='phoneNumbers[type eq "other"].value',
        description="Further telephone.",
    )

    @property
    def emails(self) -> tuple[tuple[str, str], ...]:
        """The e-mail attributes that are read, as (SCIM type, LDAP attribute), the primary one first."""
        pairs = (("work", self.work_email), ("home", self.home_email), ("other", self.other_email))
        return tuple(pair for pair in pairs if pair[1])

    @property
    def phone_numbers(self) -> tuple[tuple[str, str], ...]:
        """The telephone attributes that are read, as (SCIM type, LDAP attribute), the primary one first."""
        pairs = (
            ("work", self.work_phone),
            ("mobile", self.mobile_phone),
            ("home", self.home_phone),
            ("fax", self.fax),
            ("pager", self.pager),
            ("other", self.other_phone),
        )
        return tuple(pair for pair in pairs if pair[1])

    @property
    def wanted(self) -> tuple[str, ...]:
        """Every LDAP attribute that has to be asked for, once each, sorted."""
        names = (getattr(self, field) for field in type(self).model_fields)
        return tuple(sorted({name for name in names if name}))
