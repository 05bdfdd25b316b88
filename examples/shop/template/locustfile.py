"""Customers of the shop: they browse, fill a basket and order.

One journey takes about nine seconds while the shop is fast, so that 300 users place some 2,000 orders a minute.
"""

import random

from locust import FastHttpUser, between, task


class Customer(FastHttpUser):
    wait_time = between(2, 4)
    connection_timeout = 10
    network_timeout = 10

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

        self.client.post("/orders", json={"basket": basket.json()["basket"]})
