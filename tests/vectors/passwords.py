#!/usr/bin/python3
"""Prints hashes of one password as Django makes them: Debian's python3-django and python3-argon2.

    /usr/bin/python3 tests/vectors/passwords.py

tests/crypto/test_password_kind.c holds what Django 3.2 and argon2-cffi 21.1 printed; a new run has other salts.
"""

from argon2.low_level import Type, hash_secret
from django.conf import settings

settings.configure(PASSWORD_HASHERS=["django.contrib.auth.hashers.PBKDF2PasswordHasher"])

from django.contrib.auth import hashers  # noqa: E402  (settings come first)

PASSWORD = "correct horse é"


class Small(hashers.Argon2PasswordHasher):
    memory_cost, parallelism, time_cost = 512, 2, 2


class Largest(hashers.Argon2PasswordHasher):
    memory_cost, parallelism, time_cost = 65536, 8, 2


print(hashers.PBKDF2PasswordHasher().encode(PASSWORD, "seasalt2"))
print(hashers.PBKDF2SHA1PasswordHasher().encode(PASSWORD, "seasalt2", 20000))
for hasher in (Small(), Largest()):
    print(hasher.encode(PASSWORD, "somesaltsomesalt"))
for kind in (Type.I, Type.D):
    print("argon2" + hash_secret(PASSWORD.encode(), b"somesaltsomesalt", 3, 256, 1, 24, kind).decode())
print("argon2" + hash_secret(PASSWORD.encode(), b"somesaltsomesalt", 2, 256, 1, 32, Type.I, version=16).decode())
