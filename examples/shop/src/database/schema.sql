-- Every row says which load test made it; NULL is a customer's.
CREATE TABLE IF NOT EXISTS baskets (
    id INTEGER PRIMARY KEY,
    run_id TEXT
);
CREATE TABLE IF NOT EXISTS basket_lines (
    id INTEGER PRIMARY KEY,
    basket_id INTEGER NOT NULL REFERENCES baskets (id),
    product_id INTEGER NOT NULL,
    quantity INTEGER NOT NULL,
    run_id TEXT
);
CREATE TABLE IF NOT EXISTS orders (
    id INTEGER PRIMARY KEY,
    basket_id INTEGER NOT NULL REFERENCES baskets (id),
    total_cents INTEGER NOT NULL,
    status TEXT NOT NULL,
    run_id TEXT
);
CREATE INDEX IF NOT EXISTS baskets_of_run ON baskets (run_id);
CREATE INDEX IF NOT EXISTS basket_lines_of_run ON basket_lines (run_id);
CREATE INDEX IF NOT EXISTS basket_lines_of_basket ON basket_lines (basket_id);
CREATE INDEX IF NOT EXISTS orders_of_run ON orders (run_id);
CREATE INDEX IF NOT EXISTS orders_of_basket ON orders (basket_id);
