-- The MariaDB side of the development stack, made once by `stack/stack up --only mariadb` and by the MariaDB container of
-- docker-compose.yml (profile mariadb). The passwords are those of stack/dev-secrets.env.

CREATE DATABASE IF NOT EXISTS shop CHARACTER SET utf8mb4;

-- What Debezium needs, and nothing else:
--   REPLICATION SLAVE, BINLOG MONITOR   to read the binary log and to ask where it stands (MySQL calls the second one
--                                       REPLICATION CLIENT)
--   SELECT                              to learn the columns, and for snapshots
--   RELOAD                              not granted: only a snapshot with data that locks the tables needs it
--   INSERT, UPDATE                      on its own two tables
CREATE USER IF NOT EXISTS 'debezium'@'%' IDENTIFIED BY 'debezium-dev-only';
GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO 'debezium'@'%';
GRANT SELECT ON shop.* TO 'debezium'@'%';

USE shop;

CREATE TABLE listings (
    id            bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
    sku           varchar(64) NOT NULL UNIQUE,
    title         varchar(255) NOT NULL,
    prod_stk_qty  int NOT NULL DEFAULT 0,
    price         decimal(12,2) NOT NULL,
    currency      char(3) NOT NULL DEFAULT 'USD',
    status        enum('draft','active','sold') NOT NULL DEFAULT 'draft',
    channels      set('web','store','wholesale') NOT NULL DEFAULT '',
    is_featured   tinyint(1) NOT NULL DEFAULT 0,
    views         bigint unsigned NOT NULL DEFAULT 0,
    attributes    json,
    made_in       year,
    listed_on     date,
    pickup_at     time(3),
    reserved_at   datetime(6),
    updated_at    timestamp(6) NOT NULL DEFAULT current_timestamp(6) ON UPDATE current_timestamp(6)
);

CREATE TABLE debezium_signal (
    id   varchar(42) PRIMARY KEY,
    type varchar(32) NOT NULL,
    data varchar(2048)
);

CREATE TABLE debezium_heartbeat (
    id         int PRIMARY KEY,
    touched_at datetime(6) NOT NULL
);

GRANT INSERT, DELETE ON shop.debezium_signal TO 'debezium'@'%';
GRANT INSERT, UPDATE ON shop.debezium_heartbeat TO 'debezium'@'%';

INSERT INTO listings (id, sku, title, prod_stk_qty, price, status, channels, is_featured, views, attributes, made_in, listed_on,
                      pickup_at, reserved_at) VALUES
    (1, 'CHAIR-001', 'Oak chair', 10, 250000.00, 'active', 'web,store', 1, 18446744073709551615,
     '{"dims": {"h": 90, "w": 40}, "colour": "oak"}', 2025, '2026-01-15', '14:30:00.500', '2026-02-01 08:00:00.123456'),
    (2, 'LAMP-002', 'Lamp <b>bright</b> & "warm"', 1, 19.99, 'active', 'web', 0, 0, NULL, NULL, NULL, '09:15:00.000', NULL);

-- Last, because the statements above came in over the socket without a password.
ALTER USER 'root'@'localhost' IDENTIFIED BY 'root-dev-only';
CREATE USER IF NOT EXISTS 'root'@'127.0.0.1';
ALTER USER 'root'@'127.0.0.1' IDENTIFIED BY 'root-dev-only';
GRANT ALL PRIVILEGES ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION;
