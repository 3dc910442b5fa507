#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>

#include "reconciler/command/screen.c" /* the command's files are in no library */

/* A terminal, as far as the screen needs one: cells, cursor, the few sequences it uses. */
enum { ROWS = 6, COLUMNS = 12 };

struct terminal {
    char cells[ROWS][COLUMNS + 1];
    size_t row, column;
    bool other; /* the other screen is shown */
    bool hidden;
    bool coloured;
};

static void clear_from(struct terminal *terminal, size_t row, size_t column)
{
    for (size_t c = column; c < COLUMNS; c++)
        terminal->cells[row][c] = ' ';
    terminal->cells[row][COLUMNS] = 0;
}

static size_t sequence(struct terminal *terminal, const char *at)
{
    size_t length = escape_length(at);
    assert_true(length > 2);
    if (strncmp(at, "\033[H", length) == 0)
        terminal->row = terminal->column = 0;
    else if (strncmp(at, "\033[K", length) == 0)
        clear_from(terminal, terminal->row, terminal->column);
    else if (strncmp(at, "\033[J", length) == 0)
        for (size_t r = terminal->row; r < ROWS; r++)
            clear_from(terminal, r, r == terminal->row ? terminal->column : 0);
    else if (strncmp(at, "\033[?1049", length - 1) == 0)
        terminal->other = at[length - 1] == 'h';
    else if (strncmp(at, "\033[?25", length - 1) == 0)
        terminal->hidden = at[length - 1] == 'l';
    else {
        assert_int_equal(at[length - 1], 'm');
        terminal->coloured = strncmp(at, "\033[0m", length) != 0;
    }
    return length;
}

static void feed(struct terminal *terminal, const char *text)
{
    for (const char *at = text; *at;) {
        if (*at == '\033') {
            at += sequence(terminal, at);
            continue;
        }
        if (*at == '\r') {
            terminal->column = 0;
        } else if (*at == '\n') {
            terminal->row++;
            assert_true(terminal->row < ROWS); /* it would scroll */
        } else if (((unsigned char)*at & 0xC0) != 0x80) {
            assert_true(terminal->column < COLUMNS); /* it would wrap */
            terminal->cells[terminal->row][terminal->column++] =
                (unsigned char)*at < 0x80 ? *at : 'U';
        }
        at++;
    }
}

static struct terminal fresh(void)
{
    struct terminal terminal = {0};
    for (size_t r = 0; r < ROWS; r++)
        clear_from(&terminal, r, 0);
    return terminal;
}

static void draw_on(struct terminal *terminal, const char *frame)
{
    EK_BUFFER text = {0};
    ek_screen_draw(frame, ROWS, COLUMNS, &text);
    feed(terminal, ek_buffer_text(&text));
}

static void a_frame_takes_the_place_of_a_longer_one(void **state)
{
    (void)state;
    struct terminal terminal = fresh();
    draw_on(&terminal, "first line\nsecond line\nthird\n");
    draw_on(&terminal, "1st\n2nd\n");
    assert_string_equal(terminal.cells[0], "1st         ");
    assert_string_equal(terminal.cells[1], "2nd         ");
    assert_string_equal(terminal.cells[2], "            ");
}

static void lines_are_cut_and_lose_their_colour(void **state)
{
    (void)state;
    struct terminal terminal = fresh();
    draw_on(&terminal, "\033[31mred and far too long\033[0m\n\xc3\xa9\xc3\xa9\xc3\xa9 accents fit");
    assert_string_equal(terminal.cells[0], "red and far ");
    assert_string_equal(terminal.cells[1], "UUU accents ");
    assert_false(terminal.coloured);
    draw_on(&terminal, "exactly  12!");
    assert_string_equal(terminal.cells[0], "exactly  12!");
}

static void what_is_below_the_screen_is_counted(void **state)
{
    (void)state;
    struct terminal terminal = fresh();
    draw_on(&terminal, "1\n2\n3\n4\n5\n6\n");
    assert_string_equal(terminal.cells[5], "6           ");
    draw_on(&terminal, "1\n2\n3\n4\n5\n6\n7\n8\n");
    assert_string_equal(terminal.cells[4], "5           ");
    assert_memory_equal(terminal.cells[5], "and 3 more l", COLUMNS);
}

static void the_screen_is_given_back(void **state)
{
    (void)state;
    struct terminal terminal = fresh();
    EK_BUFFER text = {0};
    ek_screen_open(&text);
    feed(&terminal, ek_buffer_text(&text));
    assert_true(terminal.other && terminal.hidden);
    ek_buffer_done(&text);
    ek_screen_close(&text);
    feed(&terminal, ek_buffer_text(&text));
    assert_false(terminal.other || terminal.hidden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_takes_the_place_of_a_longer_one),
        cmocka_unit_test(lines_are_cut_and_lose_their_colour),
        cmocka_unit_test(what_is_below_the_screen_is_counted),
        cmocka_unit_test(the_screen_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
