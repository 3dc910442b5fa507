/* Bytes as hexadecimal digits and back. */
#ifndef EK_BASE_HEX_H
#define EK_BASE_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Two digits in lower case per byte and a 0 behind them: room for 2 * length + 1. */
void ek_hex(const uint8_t *bytes, size_t length, char *ret_text);

/* The value of one digit in either case; -1: it is none. */
int ek_hex_digit(char c);

/* `length` bytes from the 2 * length characters at `text`, in either case. False, with part of
 * ret_bytes written, when one of them is no digit. */
bool ek_hex_read(const char *text, size_t length, uint8_t *ret_bytes);

#endif
