"""Tencent Cloud CI, inventory-trigger jobs. Base URL ``https://<bucket>.<host>``; XML; q-sign signatures."""
