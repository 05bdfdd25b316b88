"""Customers of the shop: they browse, fill a basket and order.

One journey takes about nine seconds while the shop is fast, so that 300 users place some 2,000 orders a minute.

A file conditions.json beside this one changes what they and the shop do, while they do it:

    { "thinkTime": 1.5, "conversion": 0.5, "capacity": 0.5, "stripTags": true }

thinkTime: times as long between two clicks; conversion: the share of full baskets that are ordered; capacity: times what the
shop can do; stripTags: whether the shop pays without the tags of a load test. What is not there is 1, the last false, and so is
everything without the file.
"""

import json
import pathlib
import random
import time

from locust import FastHttpUser, between, task


class Conditions:
    """What conditions.json says, looked at once a second."""

    file = pathlib.Path(__file__).with_name("conditions.json")

    def __init__(self):
        self.looked = 0.0
        self.found = {}

    def __getitem__(self, name):
        if time.monotonic() > self.looked + 1:
            self.looked = time.monotonic()
            try:
                self.found = json.loads(self.file.read_text())
            except FileNotFoundError:
                self.found = {}
            except ValueError:
                pass  # it is just being written, and what was said before holds
        return self.found.get(name, 1)


conditions = Conditions()


class Customer(FastHttpUser):
    connection_timeout = 10
    network_timeout = 10

    def wait_time(self):
        return between(2, 4)(self) * conditions["thinkTime"]

    @task
    def buy(self):
        listing = self.client.get("/products")
        if listing.status_code != 200:
            return
        product = random.choice(listing.json()["products"])["id"]
        self.wait()

        basket = self.client.post("/basket", json={"product": product, "quantity": random.randint(1, 3)})
        if basket.status_code != 201:
            return
        self.wait()

        if random.random() < conditions["conversion"]:
            self.client.post("/orders", json={"basket": basket.json()["basket"]})
