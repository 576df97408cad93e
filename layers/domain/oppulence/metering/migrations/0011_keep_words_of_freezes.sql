-- How meter and customer were named when a quantity was frozen: the same words ask for the same, though they mean others by now.
ALTER TABLE metering.freezes ADD COLUMN meter_named text COLLATE "C", ADD COLUMN customer_named text COLLATE "C";
