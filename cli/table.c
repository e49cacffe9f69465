/* SPDX-License-Identifier: MIT */
/*
 * Tables. libsmartcols aligns; which columns are shown and how wide is decided here before, because it can neither leave
 * out a column nor mark a cut text. Cells become text when they are written, in the form the screen wants.
 */
#include "cli/table.h"

#include <libsmartcols.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "cli/text.h"
#include "common/err.h"
#include "common/i18n.h"

#define GAP       2 /* blanks between columns */
#define BAR_LEAST 10
#define BAR_MOST  60
#define COLS_MAX  24

struct cell {
    const char *text;
    double from, to; /* COL_BAR */
    enum style style;
};

struct table {
    struct arena *a;
    const struct screen *s;
    const struct col *cols;
    size_t ncols, nrows, cap, at; /* at: next column of the row */
    struct cell *cells;           /* nrows * ncols */
};

struct table *
table_new(struct arena *a, const struct screen *s, const struct col *cols, size_t ncols)
{
    struct table *t = ARENA_NEW(a, struct table);

    ensure(ncols > 0 && ncols <= COLS_MAX);
    *t = (struct table){.a = a, .s = s, .cols = cols, .ncols = ncols, .at = ncols};
    return t;
}

void
table_row(struct table *t)
{
    ensure(t->at == t->ncols); /* the row before is complete */
    if (t->nrows == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 64;
        struct cell *cells = ARENA_ARRAY(t->a, cap * t->ncols, struct cell);
        if (t->nrows > 0) {
            memcpy(cells, t->cells, t->nrows * t->ncols * sizeof *cells);
        }
        t->cells = cells;
        t->cap = cap;
    }
    t->nrows++;
    t->at = 0;
}

static struct cell *
cell_at(const struct table *t, size_t row, size_t col)
{
    return &t->cells[row * t->ncols + col];
}

static struct cell *
add(struct table *t, enum col_kind kind, const char *text)
{
    struct cell *c;

    ensure(t->at < t->ncols && t->cols[t->at].kind == kind);
    c = cell_at(t, t->nrows - 1, t->at++);
    *c = (struct cell){.text = text ? text : "", .style = STYLE_PLAIN};
    return c;
}

void
table_text(struct table *t, const char *s)
{
    const char *clean = t->s->tty ? text_line(t->a, s) : text_field(t->a, s);

    (void)add(t, COL_TEXT, t->s->tty && !t->s->utf8 ? text_ascii(t->a, clean) : clean);
}

void
table_number(struct table *t, int64_t n)
{
    (void)add(t, COL_NUMBER, n == TABLE_NONE ? "" : arena_printf(t->a, "%lld", (long long)n));
}

void
table_time(struct table *t, usec_t at)
{
    enum col_kind kind = t->at < t->ncols ? t->cols[t->at].kind : COL_TEXT;
    usec_t now = t->s->now;
    const char *text = "";
    char iso[32];

    ensure(kind == COL_TIME || kind == COL_AGE || kind == COL_DUE);
    if (at != USEC_NONE && !t->s->tty) {
        format_iso(at, iso);
        text = arena_strdup(t->a, iso);
    } else if (at != USEC_NONE && kind == COL_TIME) {
        text = text_local(t->a, at, now);
    } else if (at != USEC_NONE && at > now) {
        text = arena_printf(t->a, _("in %s"), text_short(t->a, at - now));
    } else if (at != USEC_NONE) {
        text = arena_printf(t->a, kind == COL_DUE ? _("%s late") : _("%s ago"), text_short(t->a, now - at));
    }
    (void)add(t, kind, text);
}

void
table_span(struct table *t, double seconds)
{
    bool none = isnan(seconds) || seconds < 0;

    (void)add(t, COL_SPAN, none ? "" : t->s->tty ? text_span(t->a, seconds) : arena_printf(t->a, "%.10g", seconds));
}

void
table_part(struct table *t, double share)
{
    (void)add(t, COL_PART,
              isnan(share) ? ""
              : t->s->tty  ? arena_printf(t->a, "%.0f %%", share * 100)
                           : arena_printf(t->a, "%.4f", share));
}

void
table_bar(struct table *t, double from, double to)
{
    struct cell *c = add(t, COL_BAR, "");

    c->from = from < 0 ? 0 : from;
    c->to = to > 1 ? 1 : to;
}

void
table_style(struct table *t, enum style st)
{
    ensure(t->at > 0);
    cell_at(t, t->nrows - 1, t->at - 1)->style = st;
}

size_t
table_rows(const struct table *t)
{
    return t->nrows;
}

/* ---- choosing ---- */

/* "PRIO" is meant by "priority". */
static bool
is_meant(const char *heading, const char *word, size_t len)
{
    return strlen(heading) <= len && strncasecmp(heading, word, strlen(heading)) == 0;
}

static size_t
column_named(const struct table *t, const char *word, size_t len)
{
    size_t c = 0;

    while (c < t->ncols && !is_meant(t->cols[c].name, word, len)) {
        c++;
    }
    return c;
}

struct table *
table_choose(const struct table *t, const char *words)
{
    struct col *cols = ARENA_ARRAY(t->a, COLS_MAX, struct col);
    size_t from[COLS_MAX], n = 0;
    struct table *chosen;

    ensure(t->at == t->ncols);
    for (const char *p = words; *p != '\0' && n < COLS_MAX; p += *p == ',') {
        size_t len = strcspn(p, ","), c = column_named(t, p, len);
        if (c < t->ncols) {
            from[n] = c;
            cols[n] = t->cols[c];
            cols[n].drop = (int)n; /* where there is no room for all, the last goes first */
            n++;
        }
        p += len;
    }
    chosen = table_new(t->a, t->s, cols, n);
    for (size_t r = 0; r < t->nrows; r++) {
        table_row(chosen);
        for (size_t c = 0; c < n; c++) {
            *cell_at(chosen, r, c) = *cell_at(t, r, from[c]);
        }
        chosen->at = n;
    }
    return chosen;
}

/* ---- layout ---- */

struct layout {
    int width[COLS_MAX];
    bool shown[COLS_MAX];
};

static int
least_of(const struct table *t, size_t col, int natural)
{
    int least = t->cols[col].kind == COL_BAR ? BAR_LEAST : t->cols[col].least;

    return least > 0 && least < natural ? least : natural;
}

/* Columns the line takes; at its narrowest when `least`. */
static int
line_width(const struct table *t, const struct layout *l, bool least)
{
    int w = -GAP;

    for (size_t c = 0; c < t->ncols; c++) {
        if (l->shown[c]) {
            w += GAP + (least ? least_of(t, c, l->width[c]) : l->width[c]);
        }
    }
    return w;
}

static void
drop_columns(const struct table *t, struct layout *l)
{
    while (line_width(t, l, true) > t->s->width) {
        size_t worst = t->ncols;
        for (size_t c = 0; c < t->ncols; c++) {
            if (l->shown[c] && t->cols[c].drop > 0 && (worst == t->ncols || t->cols[c].drop > t->cols[worst].drop)) {
                worst = c;
            }
        }
        if (worst == t->ncols) {
            return;
        }
        l->shown[worst] = false;
    }
}

/* Take the surplus column by column from the widest that may still be cut. */
static void
shrink_columns(const struct table *t, struct layout *l)
{
    for (int over = line_width(t, l, false) - t->s->width; over > 0; over--) {
        size_t widest = t->ncols;
        for (size_t c = 0; c < t->ncols; c++) {
            bool can = l->shown[c] && l->width[c] > least_of(t, c, l->width[c]);
            if (can && (widest == t->ncols || l->width[c] > l->width[widest])) {
                widest = c;
            }
        }
        if (widest == t->ncols) {
            return;
        }
        l->width[widest]--;
    }
}

static void
lay_out(const struct table *t, struct layout *l)
{
    for (size_t c = 0; c < t->ncols; c++) {
        bool empty = true;
        l->width[c] = t->cols[c].kind == COL_BAR ? BAR_MOST : text_width(i18n(t->cols[c].name));
        for (size_t r = 0; r < t->nrows; r++) {
            int w = text_width(cell_at(t, r, c)->text);
            l->width[c] = w > l->width[c] ? w : l->width[c];
            empty = empty && w == 0;
        }
        /* a column in which nothing stands says nothing */
        l->shown[c] = (!empty || t->cols[c].kind == COL_BAR || t->cols[c].drop == 0) && t->cols[c].drop < COL_HIDDEN;
    }
    drop_columns(t, l);
    shrink_columns(t, l);
}

/* A bar of `width` columns in which the part from..to is filled; the shortest piece is still visible. */
static const char *
draw_bar(const struct table *t, const struct cell *c, int width)
{
    int from = (int)(c->from * width), to = (int)(c->to * width + 0.5);
    struct strbuf sb;
    const char *s;

    from = from >= width ? width - 1 : from;
    strbuf_init(&sb);
    for (int i = 0; i < from; i++) {
        strbuf_addch(&sb, ' ');
    }
    if (to <= from) {
        strbuf_add(&sb, t->s->utf8 ? "▏" : "|");
    }
    for (int i = from; i < to; i++) {
        strbuf_add(&sb, t->s->utf8 ? "█" : "#");
    }
    s = arena_strndup(t->a, sb.p, sb.n);
    strbuf_release(&sb);
    return s;
}

/* ---- output ---- */

static void
fill_cell(const struct table *t, struct libscols_cell *out, const struct cell *c, size_t col, int width)
{
    const char *text =
        t->cols[col].kind == COL_BAR ? draw_bar(t, c, width) : text_fit(t->a, c->text, width, t->s->utf8);
    const char *colour = screen_style(t->s, c->style);

    (void)scols_cell_set_data(out, text);
    if (*colour) {
        (void)scols_cell_set_color(out, colour);
    }
}

static void
print_terminal(const struct table *t)
{
    struct libscols_table *tb = scols_new_table();
    struct layout l;

    ensure(tb); /* out of memory */
    lay_out(t, &l);
    (void)scols_table_enable_noencoding(tb, 1); /* the text is clean already */
    (void)scols_table_enable_colors(tb, t->s->colour);
    (void)scols_table_set_stream(tb, t->s->out);
    (void)scols_table_set_column_separator(tb, "  ");
    (void)scols_table_set_termforce(tb, SCOLS_TERMFORCE_ALWAYS);
    (void)scols_table_set_termwidth(tb, 100000); /* it shall not cut again */
    for (size_t c = 0; c < t->ncols; c++) {
        bool right = t->cols[c].kind == COL_NUMBER || t->cols[c].kind == COL_SPAN || t->cols[c].kind == COL_PART;
        if (l.shown[c]) {
            struct libscols_column *cl = scols_table_new_column(tb, t->cols[c].name, 0, right ? SCOLS_FL_RIGHT : 0);
            ensure(cl);
            (void)scols_cell_set_data(scols_column_get_header(cl),
                                      text_fit(t->a, i18n(t->cols[c].name), l.width[c], t->s->utf8));
        }
    }
    for (size_t r = 0; r < t->nrows; r++) {
        struct libscols_line *ln = scols_table_new_line(tb, NULL);
        size_t n = 0;
        ensure(ln);
        for (size_t c = 0; c < t->ncols; c++) {
            if (l.shown[c]) {
                fill_cell(t, scols_line_get_cell(ln, n++), cell_at(t, r, c), c, l.width[c]);
            }
        }
    }
    (void)scols_print_table(tb); /* write errors show in the stream */
    scols_unref_table(tb);
}

static void
print_fields(const struct table *t)
{
    for (size_t r = 0; r < t->nrows; r++) {
        const char *sep = "";
        for (size_t c = 0; c < t->ncols; c++) {
            if (t->cols[c].kind != COL_BAR && t->cols[c].drop != COL_ASKED) {
                fprintf(t->s->out, "%s%s", sep, cell_at(t, r, c)->text);
                sep = "\t";
            }
        }
        fputc('\n', t->s->out);
    }
}

void
table_print(const struct table *t)
{
    ensure(t->at == t->ncols);
    if (t->nrows == 0) {
        return;
    }
    if (t->s->tty) {
        print_terminal(t);
    } else {
        print_fields(t);
    }
}
