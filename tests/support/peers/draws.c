// The SPICE server library, fed with every drawing command by hand.
//
// X drivers and firmware use only a few of the protocol's draw commands. This server links the library as QEMU does and
// issues the rest too. The tests compile and start it (draws.rs).
//
// It draws scenes for its first display channel, one after the other, each on a cleared screen. After a scene it
// renders the screen itself and writes it as FOLDER/SCENE.ppm; it goes on when that file is gone.
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <spice.h>
#include <spice/enums.h>

// The main loop: timers and watches on poll().

struct SpiceTimer {
    SpiceTimerFunc f;
    void *o;
    uint64_t at;
    int on, dead;
    SpiceTimer *next;
};
struct SpiceWatch {
    int fd, mask, dead;
    SpiceWatchFunc f;
    void *o;
    SpiceWatch *next;
};
static SpiceTimer *timers;
static SpiceWatch *watches;
static uint64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}
static SpiceTimer *timer_add(SpiceTimerFunc f, void *o) {
    SpiceTimer *t = calloc(1, sizeof *t);
    t->f = f;
    t->o = o;
    t->next = timers;
    return timers = t;
}
static void timer_start(SpiceTimer *t, uint32_t ms) {
    t->at = now_ms() + ms;
    t->on = 1;
}
static void timer_cancel(SpiceTimer *t) { t->on = 0; }
static void timer_remove(SpiceTimer *t) {
    t->on = 0;
    t->dead = 1;
}
static SpiceWatch *watch_add(int fd, int mask, SpiceWatchFunc f, void *o) {
    SpiceWatch *w = calloc(1, sizeof *w);
    w->fd = fd;
    w->mask = mask;
    w->f = f;
    w->o = o;
    w->next = watches;
    return watches = w;
}
static void watch_mask(SpiceWatch *w, int m) { w->mask = m; }
static void watch_remove(SpiceWatch *w) { w->dead = 1; }
static volatile int client_up, sound_up, quit;
static void channel_event(int ev, SpiceChannelEventInfo *i) {
    if (ev == SPICE_CHANNEL_EVENT_INITIALIZED && i->type == SPICE_CHANNEL_DISPLAY) client_up++;
    if (ev == SPICE_CHANNEL_EVENT_INITIALIZED && i->type == SPICE_CHANNEL_PLAYBACK) sound_up++;
}
static SpiceCoreInterface core = {
    .base = {.major_version = SPICE_INTERFACE_CORE_MAJOR, .minor_version = SPICE_INTERFACE_CORE_MINOR},
    .timer_add = timer_add,
    .timer_start = timer_start,
    .timer_cancel = timer_cancel,
    .timer_remove = timer_remove,
    .watch_add = watch_add,
    .watch_update_mask = watch_mask,
    .watch_remove = watch_remove,
    .channel_event = channel_event};
static void loop_once(int max_ms) {
    struct pollfd p[256];
    SpiceWatch *m[256];
    int n = 0;
    uint64_t t0 = now_ms();
    int wait = max_ms;
    for (SpiceWatch **w = &watches; *w;)
        if ((*w)->dead) {
            SpiceWatch *d = *w;
            *w = d->next;
            free(d);
        } else
            w = &(*w)->next;
    for (SpiceTimer **t = &timers; *t;)
        if ((*t)->dead) {
            SpiceTimer *d = *t;
            *t = d->next;
            free(d);
        } else
            t = &(*t)->next;
    for (SpiceWatch *w = watches; w && n < 256; w = w->next) {
        p[n].fd = w->fd;
        p[n].events = (w->mask & 1 ? POLLIN : 0) | (w->mask & 2 ? POLLOUT : 0);
        p[n].revents = 0;
        m[n++] = w;
    }
    for (SpiceTimer *t = timers; t; t = t->next)
        if (t->on) {
            int d = t->at > t0 ? (int)(t->at - t0) : 0;
            if (d < wait) wait = d;
        }
    poll(p, n, wait);
    for (int i = 0; i < n; i++) {
        int e = (p[i].revents & (POLLIN | POLLHUP | POLLERR) ? 1 : 0) | (p[i].revents & POLLOUT ? 2 : 0);
        e &= m[i]->mask;
        if (e && !m[i]->dead) m[i]->f(m[i]->fd, e, m[i]->o);
    }
    t0 = now_ms();
    for (SpiceTimer *t = timers; t; t = t->next)
        if (t->on && t->at <= t0 && !t->dead) {
            t->on = 0;
            t->f(t->o);
        }
}

// Queues of commands, emptied by the library's own thread.

typedef struct Q {
    QXLCommandExt c[65536];
    unsigned r, w;
} Q;
static Q dq, cq;
static pthread_mutex_t qm = PTHREAD_MUTEX_INITIALIZER;
static QXLInstance qxl;
static int W = 640, H = 480;
static uint32_t seed = 1, uniq = 1;
static uint8_t *fb;
static SpiceServer *srv;
static void push(Q *q, int type, void *data) {
    pthread_mutex_lock(&qm);
    QXLCommandExt *c = &q->c[q->w++ % 65536];
    memset(c, 0, sizeof *c);
    c->cmd.data = (uintptr_t)data;
    c->cmd.type = type;
    pthread_mutex_unlock(&qm);
    spice_qxl_wakeup(&qxl);
}
static int pop(Q *q, QXLCommandExt *c) {
    int ok = 0;
    pthread_mutex_lock(&qm);
    if (q->r != q->w) {
        *c = q->c[q->r++ % 65536];
        ok = 1;
    }
    pthread_mutex_unlock(&qm);
    return ok;
}
static int get_command(QXLInstance *i, QXLCommandExt *c) { return pop(&dq, c); }
static int get_cursor(QXLInstance *i, QXLCommandExt *c) { return pop(&cq, c); }
static int want_cmd(QXLInstance *i) { return dq.r == dq.w; }
static int want_cur(QXLInstance *i) { return cq.r == cq.w; }
static void attached(QXLInstance *i) {}
static void complevel(QXLInstance *i, int l) {}
static void init_info(QXLInstance *i, QXLDevInitInfo *f) {
    memset(f, 0, sizeof *f);
    f->num_memslots_groups = 1;
    f->num_memslots = 1;
    f->memslot_gen_bits = 1;
    f->memslot_id_bits = 1;
    f->n_surfaces = 64;
}
static void release(QXLInstance *i, QXLReleaseInfoExt r) {}
static void notify_update(QXLInstance *i, uint32_t u) {}
static int flush_res(QXLInstance *i) { return 0; }
static void async_complete(QXLInstance *i, uint64_t c) {}
static void area_complete(QXLInstance *i, uint32_t s, QXLRect *r, uint32_t n) {}
static void client_caps(QXLInstance *i, uint8_t p, uint8_t caps[SPICE_CAPABILITIES_SIZE]) {}
static int client_mon(QXLInstance *i, VDAgentMonitorsConfig *m) { return 0; }
static QXLInterface qif = {.base = {.type = SPICE_INTERFACE_QXL,
                                    .description = "draws",
                                    .major_version = SPICE_INTERFACE_QXL_MAJOR,
                                    .minor_version = SPICE_INTERFACE_QXL_MINOR},
                           .attached_worker = attached,
                           .set_compression_level = complevel,
                           .get_init_info = init_info,
                           .get_command = get_command,
                           .req_cmd_notification = want_cmd,
                           .release_resource = release,
                           .get_cursor_command = get_cursor,
                           .req_cursor_notification = want_cur,
                           .notify_update = notify_update,
                           .flush_resources = flush_res,
                           .async_complete = async_complete,
                           .update_area_complete = area_complete,
                           .set_client_capabilities = client_caps,
                           .client_monitors_config = client_mon};

// Pictures: like photographs, which servers compress in one way, and like drawings.

static uint32_t rnd(void) {
    seed = seed * 1664525u + 1013904223u;
    return seed >> 8;
}
static uint32_t px_photo(int x, int y, int k) {
    int r = 128 + 90 * sin((x + k * 13) / 23.0) * cos(y / 31.0) + (int)(rnd() % 9),
        g = 120 + 80 * cos((x - y + k * 7) / 29.0) + (int)(rnd() % 9),
        b = 110 + 70 * sin((y + k * 5) / 17.0) + (int)(rnd() % 9);
    return (r & 255) << 16 | (g & 255) << 8 | (b & 255);
}
static uint32_t px_graph(int x, int y, int k) {
    static const uint32_t c[] = {0xffffff, 0x2255aa, 0xdd3333, 0x22aa55, 0xffcc00, 0x333333};
    return c[((x + k) / 11 + (y / 9) * (1 + k % 3)) % 6];
}
static QXLImage *img(int w, int h, int fmt, int kind, int k, int cache) {
    QXLImage *i = calloc(1, sizeof *i);
    QXL_SET_IMAGE_ID(i, QXL_IMAGE_GROUP_DRIVER, uniq);
    uniq++;
    i->descriptor.type = SPICE_IMAGE_TYPE_BITMAP;
    i->descriptor.flags = cache ? QXL_IMAGE_CACHE : 0;
    i->descriptor.width = w;
    i->descriptor.height = h;
    int bits[] = {0, 1, 1, 4, 4, 8, 16, 24, 32, 32, 8};
    int stride = ((w * bits[fmt] + 31) / 32) * 4;
    if (fmt == SPICE_BITMAP_FMT_8BIT_A) stride = (w + 3) & ~3;
    uint8_t *d = calloc(1, stride * h + 16);
    i->bitmap.format = fmt;
    i->bitmap.flags = QXL_BITMAP_DIRECT | QXL_BITMAP_TOP_DOWN;
    i->bitmap.x = w;
    i->bitmap.y = h;
    i->bitmap.stride = stride;
    i->bitmap.data = (uintptr_t)d;
    if (fmt <= SPICE_BITMAP_FMT_8BIT) { /* palette; 1 bit images may be used as masks: then it is not looked at */
        int n = fmt <= 2 ? 2 : fmt <= 4 ? 16 : 256;
        QXLPalette *p = calloc(1, sizeof *p + 4 * n);
        p->unique = 0x7000 + fmt * 16 + k % 4;
        p->num_ents = n;
        for (int j = 0; j < n; j++)
            p->ents[j] = n == 2 ? (j ? 0xf0e0a0 : 0x104070)
                                : (uint32_t)((j * 255 / (n - 1)) << 16 | ((j * 7 * 255 / (n - 1)) & 255) << 8 |
                                             (255 - j * 255 / (n - 1)));
        i->bitmap.palette = (uintptr_t)p;
    }
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            uint32_t c = kind ? px_photo(x, y, k) : px_graph(x, y, k);
            uint8_t *l = d + y * stride;
            int on = ((x / 5 + y / 5 + k) & 1) ^ (x * x + y * y > w * h);
            switch (fmt) {
            case SPICE_BITMAP_FMT_1BIT_LE:
                if (on) l[x / 8] |= 1 << (x & 7);
                break;
            case SPICE_BITMAP_FMT_1BIT_BE:
                if (on) l[x / 8] |= 0x80 >> (x & 7);
                break;
            case SPICE_BITMAP_FMT_4BIT_LE: l[x / 2] |= ((x / 4 + y / 4) & 15) << (x & 1 ? 4 : 0); break;
            case SPICE_BITMAP_FMT_4BIT_BE: l[x / 2] |= ((x / 4 + y / 4) & 15) << (x & 1 ? 0 : 4); break;
            case SPICE_BITMAP_FMT_8BIT: l[x] = x * 2 + y + k; break;
            case SPICE_BITMAP_FMT_16BIT: {
                uint16_t v = (c >> 9 & 0x7c00) | (c >> 6 & 0x3e0) | (c >> 3 & 31);
                memcpy(l + 2 * x, &v, 2);
                break;
            }
            case SPICE_BITMAP_FMT_24BIT:
                l[3 * x] = c;
                l[3 * x + 1] = c >> 8;
                l[3 * x + 2] = c >> 16;
                break;
            case SPICE_BITMAP_FMT_32BIT: memcpy(l + 4 * x, &c, 4); break;
            case SPICE_BITMAP_FMT_RGBA: {
                uint32_t a = x * 255 / (w > 1 ? w - 1 : 1), r = (c >> 16 & 255) * a / 255, g = (c >> 8 & 255) * a / 255,
                         b = (c & 255) * a / 255, v = a << 24 | r << 16 | g << 8 | b;
                memcpy(l + 4 * x, &v, 4);
                break;
            }
            case SPICE_BITMAP_FMT_8BIT_A: l[x] = (x * 255 / w + y * 3) & 255; break;
            }
        }
    return i;
}
static QXLImage *surf_img(int id, int w, int h) {
    QXLImage *i = calloc(1, sizeof *i);
    QXL_SET_IMAGE_ID(i, QXL_IMAGE_GROUP_DEVICE, uniq);
    uniq++;
    i->descriptor.type = SPICE_IMAGE_TYPE_SURFACE;
    i->descriptor.width = w;
    i->descriptor.height = h;
    i->surface_image.surface_id = id;
    return i;
}
static QXLRect R(int x, int y, int w, int h) {
    QXLRect r = {y, x, y + h, x + w};
    return r;
}

// Drawing: a grid of cells, each command in its own.

static int cell, CW = 80, CH = 60;
static int surface;
static void at(int *x, int *y) {
    int per = W / CW, rows = H / CH;
    *x = cell % per * CW;
    *y = cell / per % rows * CH;
    cell++;
}
static QXLDrawable *D(int type, QXLRect box) {
    QXLDrawable *d = calloc(1, sizeof *d);
    d->surface_id = surface;
    d->type = type;
    d->effect = QXL_EFFECT_BLEND;
    d->bbox = box;
    d->clip.type = SPICE_CLIP_TYPE_NONE;
    d->mm_time = now_ms();
    for (int i = 0; i < 3; i++) d->surfaces_dest[i] = -1;
    if (type == QXL_DRAW_FILL || type == QXL_DRAW_COPY) d->effect = QXL_EFFECT_OPAQUE;
    return d;
}
/* A command that covers one still waiting to be sent makes the library forget that one. */
enum { PACE_US = 10000 };
static void go(QXLDrawable *d) {
    push(&dq, QXL_CMD_DRAW, d);
    usleep(PACE_US);
}
static void clip(QXLDrawable *d, int n) {
    QXLClipRects *c = calloc(1, sizeof *c + n * sizeof(QXLRect));
    c->num_rects = n;
    c->chunk.data_size = n * sizeof(QXLRect);
    QXLRect *r = (QXLRect *)c->chunk.data;
    int w = d->bbox.right - d->bbox.left, h = d->bbox.bottom - d->bbox.top;
    for (int i = 0; i < n; i++) r[i] = R(d->bbox.left + i * w / n, d->bbox.top + (i & 1) * h / 4, w / n - 3, h * 3 / 4);
    d->clip.type = SPICE_CLIP_TYPE_RECTS;
    d->clip.data = (uintptr_t)c;
    d->effect = QXL_EFFECT_BLEND;
}
static void solid(QXLBrush *b, uint32_t c) {
    b->type = SPICE_BRUSH_TYPE_SOLID;
    b->u.color = c;
}
static void pattern(QXLBrush *b, QXLImage *i, int x, int y) {
    b->type = SPICE_BRUSH_TYPE_PATTERN;
    b->u.pattern.pat = (uintptr_t)i;
    b->u.pattern.pos.x = x;
    b->u.pattern.pos.y = y;
}
static void mask(QXLQMask *m, int w, int h, int inv, int fmt) {
    m->flags = inv;
    m->pos.x = m->pos.y = 0;
    QXLImage *i = img(w, h, fmt, 0, 2, 0);
    i->bitmap.palette = 0; /* a palette here would be cached by the server, but not by spice-gtk, which then aborts */
    m->bitmap = (uintptr_t)i;
}
static void fill(QXLRect r, uint32_t c, int rop) {
    QXLDrawable *d = D(QXL_DRAW_FILL, r);
    solid(&d->u.fill.brush, c);
    d->u.fill.rop_descriptor = rop;
    if (rop != SPICE_ROPD_OP_PUT) d->effect = QXL_EFFECT_BLEND;
    go(d);
}
static QXLDrawable *copy(QXLRect r, QXLImage *i, int sx, int sy, int sw, int sh, int rop, int scale) {
    QXLDrawable *d = D(QXL_DRAW_COPY, r);
    d->u.copy.src_bitmap = (uintptr_t)i;
    d->u.copy.src_area = R(sx, sy, sw, sh);
    d->u.copy.rop_descriptor = rop;
    d->u.copy.scale_mode = scale;
    if (rop != SPICE_ROPD_OP_PUT) d->effect = QXL_EFFECT_BLEND;
    return d;
}
#define PUT SPICE_ROPD_OP_PUT
#define CELL                                                                                                           \
    int x, y;                                                                                                          \
    at(&x, &y);                                                                                                        \
    QXLRect r = R(x + 2, y + 2, CW - 4, CH - 4);                                                                       \
    (void)r
static const int cw = 76, ch = 56;

/* On a picture one patch of a command that is nothing but a mask, and one with a mask. They are all laid out alike. */
static void patches(QXLRect r, int type, int inv) {
    go(copy(r, img(cw, ch, SPICE_BITMAP_FMT_32BIT, 1, 1, 0), 0, 0, cw, ch, PUT, 0));
    go(D(type, R(r.left + 8, r.top + 8, 30, 30)));
    QXLDrawable *d = D(type, R(r.left + 40, r.top + 8, 30, 30));
    mask(&d->u.blackness.mask, 30, 30, inv, SPICE_BITMAP_FMT_1BIT_BE);
    go(d);
}

static void s_fill(void) {
    {
        CELL;
        fill(r, 0xff8800, PUT);
    }
    {
        CELL;
        fill(r, 0x0088ff, PUT);
        fill(R(x + 20, y + 10, 40, 30), 0xffffff, SPICE_ROPD_OP_XOR);
    }
    {
        CELL;
        QXLDrawable *d = D(QXL_DRAW_FILL, r);
        pattern(&d->u.fill.brush, img(8, 8, SPICE_BITMAP_FMT_32BIT, 0, 3, 0), x + 3, y + 1);
        d->u.fill.rop_descriptor = PUT;
        go(d);
    }
    {
        CELL;
        QXLDrawable *d = D(QXL_DRAW_FILL, r);
        pattern(&d->u.fill.brush, img(16, 12, SPICE_BITMAP_FMT_1BIT_BE, 0, 1, 0), x, y);
        d->u.fill.rop_descriptor = PUT;
        go(d);
    }
    {
        CELL;
        QXLDrawable *d = D(QXL_DRAW_FILL, r);
        solid(&d->u.fill.brush, 0x22dd66);
        d->u.fill.rop_descriptor = PUT;
        mask(&d->u.fill.mask, cw, ch, 0, SPICE_BITMAP_FMT_1BIT_BE);
        d->effect = QXL_EFFECT_BLEND;
        go(d);
    }
    {
        CELL;
        QXLDrawable *d = D(QXL_DRAW_FILL, r);
        solid(&d->u.fill.brush, 0xdd2266);
        d->u.fill.rop_descriptor = PUT;
        mask(&d->u.fill.mask, cw, ch, SPICE_MASK_FLAGS_INVERS, SPICE_BITMAP_FMT_1BIT_BE);
        d->effect = QXL_EFFECT_BLEND;
        go(d);
    }
    {
        CELL;
        QXLDrawable *d = D(QXL_DRAW_FILL, r);
        solid(&d->u.fill.brush, 0x8844cc);
        d->u.fill.rop_descriptor = PUT;
        clip(d, 5);
        go(d);
    }
    {
        CELL;
        int rops[] = {SPICE_ROPD_OP_OR,
                      SPICE_ROPD_OP_AND,
                      SPICE_ROPD_OP_XOR,
                      SPICE_ROPD_OP_BLACKNESS,
                      SPICE_ROPD_OP_WHITENESS,
                      SPICE_ROPD_OP_INVERS,
                      SPICE_ROPD_OP_XOR | SPICE_ROPD_INVERS_BRUSH,
                      PUT | SPICE_ROPD_INVERS_BRUSH};
        fill(r, 0x3355aa, PUT);
        for (int i = 0; i < 8; i++) fill(R(x + 4 + i * 9, y + 8, 8, 40), 0xf07030, rops[i]);
    }
}
static void s_copy(void) {
    int f[] = {SPICE_BITMAP_FMT_32BIT, SPICE_BITMAP_FMT_24BIT,   SPICE_BITMAP_FMT_16BIT,
               SPICE_BITMAP_FMT_8BIT,  SPICE_BITMAP_FMT_4BIT_BE, SPICE_BITMAP_FMT_1BIT_BE,
               SPICE_BITMAP_FMT_RGBA,  SPICE_BITMAP_FMT_1BIT_LE, SPICE_BITMAP_FMT_4BIT_LE};
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < 7; i++) {
            CELL;
            if (f[i] == SPICE_BITMAP_FMT_RGBA) fill(r, 0x00c0c0, PUT);
            go(copy(r, img(cw, ch, f[i], k, i, 0), 0, 0, cw, ch, PUT, 0));
        }
    {
        CELL;
        go(copy(r, img(19, 14, SPICE_BITMAP_FMT_32BIT, 0, 1, 0), 0, 0, 19, 14, PUT, SPICE_IMAGE_SCALE_MODE_NEAREST));
    }
    {
        CELL;
        go(copy(r, img(20, 15, SPICE_BITMAP_FMT_32BIT, 1, 1, 0), 0, 0, 20, 15, PUT,
                SPICE_IMAGE_SCALE_MODE_INTERPOLATE));
    }
    {
        CELL;
        go(copy(r, img(160, 120, SPICE_BITMAP_FMT_32BIT, 1, 1, 0), 4, 4, 152, 112, PUT,
                SPICE_IMAGE_SCALE_MODE_NEAREST));
    }
    {
        CELL;
        go(copy(r, img(100, 80, SPICE_BITMAP_FMT_32BIT, 1, 4, 0), 12, 9, cw, ch, PUT, 0));
    }
    {
        CELL;
        fill(r, 0x405060, PUT);
        go(copy(r, img(cw, ch, SPICE_BITMAP_FMT_32BIT, 1, 2, 0), 0, 0, cw, ch, SPICE_ROPD_OP_XOR, 0));
    }
    {
        CELL;
        fill(r, 0x80ff40, PUT);
        go(copy(r, img(cw, ch, SPICE_BITMAP_FMT_32BIT, 1, 2, 0), 0, 0, cw, ch, SPICE_ROPD_OP_AND, 0));
    }
    {
        CELL;
        fill(r, 0x204080, PUT);
        go(copy(r, img(cw, ch, SPICE_BITMAP_FMT_32BIT, 0, 2, 0), 0, 0, cw, ch, SPICE_ROPD_OP_OR | SPICE_ROPD_INVERS_SRC,
                0));
    }
    {
        CELL;
        go(copy(r, img(cw, ch, SPICE_BITMAP_FMT_32BIT, 0, 2, 0), 0, 0, cw, ch, PUT | SPICE_ROPD_INVERS_SRC, 0));
    }
    {
        CELL;
        QXLDrawable *d = copy(r, img(cw, ch, SPICE_BITMAP_FMT_32BIT, 1, 5, 0), 0, 0, cw, ch, PUT, 0);
        mask(&d->u.copy.mask, cw, ch, 0, SPICE_BITMAP_FMT_1BIT_BE);
        d->effect = QXL_EFFECT_BLEND;
        go(d);
    }
    {
        CELL;
        QXLDrawable *d = copy(r, img(cw, ch, SPICE_BITMAP_FMT_32BIT, 1, 6, 0), 0, 0, cw, ch, PUT, 0);
        clip(d, 4);
        go(d);
    }
}
static void s_big(void) { /* big enough for every compressor */
    for (int i = 0; i < 3; i++)
        go(copy(R(10 + i * 205, 10, 200, 150), img(200, 150, SPICE_BITMAP_FMT_32BIT, 1, i, 0), 0, 0, 200, 150, PUT, 0));
    for (int i = 0; i < 3; i++)
        go(copy(R(10 + i * 205, 165, 200, 150), img(200, 150, SPICE_BITMAP_FMT_32BIT, 0, i, 0), 0, 0, 200, 150, PUT,
                0));
    fill(R(0, 320, W, 160), 0x30a060, PUT);
    int f[] = {SPICE_BITMAP_FMT_RGBA, SPICE_BITMAP_FMT_24BIT, SPICE_BITMAP_FMT_16BIT, SPICE_BITMAP_FMT_8BIT,
               SPICE_BITMAP_FMT_RGBA};
    for (int i = 0; i < 5; i++)
        go(copy(R(5 + i * 126, 322, 124, 154), img(124, 154, f[i], i < 3, i, 0), 0, 0, 124, 154, PUT, 0));
}
static void s_blend(void) {
    {
        CELL;
        fill(r, 0x6688aa, PUT);
        QXLDrawable *d = D(QXL_DRAW_BLEND, r);
        d->u.blend.src_bitmap = (uintptr_t)img(cw, ch, SPICE_BITMAP_FMT_32BIT, 0, 1, 0);
        d->u.blend.src_area = R(0, 0, cw, ch);
        d->u.blend.rop_descriptor = SPICE_ROPD_OP_AND;
        go(d);
    }
    {
        CELL;
        fill(r, 0x112233, PUT);
        QXLDrawable *d = D(QXL_DRAW_BLEND, r);
        d->u.blend.src_bitmap = (uintptr_t)img(cw, ch, SPICE_BITMAP_FMT_32BIT, 1, 1, 0);
        d->u.blend.src_area = R(0, 0, cw, ch);
        d->u.blend.rop_descriptor = SPICE_ROPD_OP_OR;
        mask(&d->u.blend.mask, cw, ch, 0, SPICE_BITMAP_FMT_1BIT_BE);
        go(d);
    }
    {
        CELL;
        fill(r, 0x808080, PUT);
        QXLDrawable *d = D(QXL_DRAW_OPAQUE, r);
        d->u.opaque.src_bitmap = (uintptr_t)img(cw, ch, SPICE_BITMAP_FMT_32BIT, 1, 3, 0);
        d->u.opaque.src_area = R(0, 0, cw, ch);
        solid(&d->u.opaque.brush, 0x00ffff);
        d->u.opaque.rop_descriptor = SPICE_ROPD_OP_AND;
        d->effect = QXL_EFFECT_OPAQUE;
        go(d);
    }
    {
        CELL;
        QXLDrawable *d = D(QXL_DRAW_OPAQUE, r);
        d->u.opaque.src_bitmap = (uintptr_t)img(38, 28, SPICE_BITMAP_FMT_32BIT, 0, 3, 0);
        d->u.opaque.src_area = R(0, 0, 38, 28);
        pattern(&d->u.opaque.brush, img(8, 8, SPICE_BITMAP_FMT_32BIT, 0, 0, 0), x, y);
        d->u.opaque.rop_descriptor = SPICE_ROPD_OP_XOR;
        d->u.opaque.scale_mode = SPICE_IMAGE_SCALE_MODE_NEAREST;
        d->effect = QXL_EFFECT_OPAQUE;
        go(d);
    }
    {
        CELL;
        patches(r, QXL_DRAW_BLACKNESS, 0);
    }
    {
        CELL;
        patches(r, QXL_DRAW_WHITENESS, SPICE_MASK_FLAGS_INVERS);
    }
    {
        CELL;
        patches(r, QXL_DRAW_INVERS, 0);
        QXLDrawable *d = D(QXL_DRAW_INVERS, r);
        clip(d, 3);
        go(d);
    }
}
static void s_rop3(void) {
    int rops[] = {0xb8, 0xe2, 0xca, 0xac, 0x96, 0x01, 0x1a, 0x1e, 0x6a,
                  0x80, 0xfe, 0xd8, 0x28, 0xf8, 0xea, 0x07}; /* those of three operands; the library has no code for the
                                                                others and aborts */
    for (int i = 0; i < 16; i++) {
        CELL;
        go(copy(r, img(cw, ch, SPICE_BITMAP_FMT_32BIT, 1, i, 0), 0, 0, cw, ch, PUT, 0));
        QXLDrawable *d = D(QXL_DRAW_ROP3, R(x + 6, y + 6, cw - 8, ch - 8));
        d->u.rop3.src_bitmap = (uintptr_t)img(cw - 8, ch - 8, SPICE_BITMAP_FMT_32BIT, 0, i, 0);
        d->u.rop3.src_area = R(0, 0, cw - 8, ch - 8);
        if (i & 1)
            pattern(&d->u.rop3.brush, img(8, 8, SPICE_BITMAP_FMT_32BIT, 0, i, 0), x, y);
        else
            solid(&d->u.rop3.brush, 0xf0a030);
        d->u.rop3.rop3 = rops[i];
        if (i == 6 || i == 7) mask(&d->u.rop3.mask, cw - 8, ch - 8, i == 7, SPICE_BITMAP_FMT_1BIT_BE);
        go(d);
    }
}
static void *path(int n, const int *xy, int flags, int *box) {
    QXLPath *p = calloc(1, sizeof *p + sizeof(QXLPathSeg) + n * sizeof(QXLPointFix));
    p->data_size = p->chunk.data_size = sizeof(QXLPathSeg) + n * sizeof(QXLPointFix);
    QXLPathSeg *s = (QXLPathSeg *)p->chunk.data;
    s->flags = flags;
    s->count = n;
    for (int i = 0; i < n; i++) {
        s->points[i].x = xy[2 * i] * 16;
        s->points[i].y = xy[2 * i + 1] * 16;
    }
    return p;
}
static void s_stroke(void) {
    for (int i = 0; i < 8; i++) {
        CELL;
        fill(r, 0xe8e8f0, PUT);
        QXLDrawable *d = D(QXL_DRAW_STROKE, r);
        int a[] = {x + 6, y + 50, x + 20, y + 8, x + 38, y + 48, x + 56, y + 8, x + 72, y + 50},
            b[] = {x + 6, y + 30, x + 20, y - 10 + 12, x + 50, y + 58, x + 72, y + 20},
            c[] = {x + 10, y + 10, x + 66, y + 10, x + 66, y + 46, x + 10, y + 46};
        if (i == 2 || i == 6) {
            b[0] = x + 6;
            d->u.stroke.path = (uintptr_t)path(4, b, QXL_PATH_BEGIN | QXL_PATH_END | QXL_PATH_BEZIER, 0);
        } else if (i == 3 || i == 5)
            d->u.stroke.path = (uintptr_t)path(4, c, QXL_PATH_BEGIN | QXL_PATH_END | QXL_PATH_CLOSE, 0);
        else
            d->u.stroke.path = (uintptr_t)path(5, a, QXL_PATH_BEGIN | QXL_PATH_END, 0);
        solid(&d->u.stroke.brush, i * 0x201810 + 0x000080);
        d->u.stroke.fore_mode = i == 4 ? SPICE_ROPD_OP_XOR : PUT;
        d->u.stroke.back_mode = PUT;
        if (i == 1 || i == 5) {
            int32_t *st = calloc(4, 4);
            st[0] = 6 * 16;
            st[1] = 4 * 16;
            st[2] = 2 * 16;
            st[3] = 4 * 16;
            d->u.stroke.attr.flags = SPICE_LINE_FLAGS_STYLED | (i == 5 ? SPICE_LINE_FLAGS_START_WITH_GAP : 0);
            d->u.stroke.attr.style_nseg = 4;
            d->u.stroke.attr.style = (uintptr_t)st;
        }
        if (i == 7) {
            pattern(&d->u.stroke.brush, img(8, 8, SPICE_BITMAP_FMT_32BIT, 0, 2, 0), x, y);
        }
        if (i == 6) clip(d, 3);
        go(d);
    }
}
/* Paths at random, in sixteenths of a pixel: in turn solid lines, curves and single dashed lines. Not bent dashed lines:
   their corners have a pixel here and there that nobody could explain yet. */
static void s_paths(void) {
    for (int i = 0; i < 64; i++) {
        CELL;
        fill(r, 0xe8e8f0, PUT);
        int kind = i % 3, n = kind == 0 ? 12 : kind == 1 ? 10 : 2;
        size_t size = sizeof(QXLPathSeg) + n * sizeof(QXLPointFix);
        QXLPath *p = calloc(1, sizeof *p + size);
        p->data_size = p->chunk.data_size = size;
        QXLPathSeg *s = (QXLPathSeg *)p->chunk.data;
        s->count = n;
        s->flags = QXL_PATH_BEGIN | QXL_PATH_END | (kind == 1 ? QXL_PATH_BEZIER : kind == 0 && i & 4 ? QXL_PATH_CLOSE : 0);
        for (int k = 0; k < n; k++) {
            s->points[k].x = x * 16 + (int)(rnd() % (CW * 16 + 320)) - 160;
            s->points[k].y = y * 16 + (int)(rnd() % (CH * 16 + 320)) - 160;
            if (kind == 2) s->points[k].x &= ~15, s->points[k].y &= ~15;
        }
        QXLDrawable *d = D(QXL_DRAW_STROKE, r);
        d->u.stroke.path = (uintptr_t)p;
        solid(&d->u.stroke.brush, 0x802040);
        d->u.stroke.fore_mode = i & 8 ? SPICE_ROPD_OP_XOR : PUT;
        d->u.stroke.back_mode = PUT;
        if (kind == 2) {
            int nseg = 2 + rnd() % 5;
            int32_t *style = calloc(nseg, 4);
            for (int k = 0; k < nseg; k++) style[k] = (1 + rnd() % 12) * 16;
            d->u.stroke.attr.flags = SPICE_LINE_FLAGS_STYLED | (i & 16 ? SPICE_LINE_FLAGS_START_WITH_GAP : 0);
            d->u.stroke.attr.style_nseg = nseg;
            d->u.stroke.attr.style = (uintptr_t)style;
        }
        go(d);
    }
}
static const char *font[] = {"0111010001100011111110001", "1111010001111101000111110", "0111110000100001000001111",
                             "1111010001100011000111110", "1111110000111101000011111"}; /* A..E, 5x5 */
static void s_text(void) {
    for (int k = 0; k < 8; k++) {
        CELL;
        fill(r, k & 1 ? 0x203020 : 0xf8f8e0, PUT);
        /* Not 8 bits: the library reads those one row too far, in what follows the glyph. */
        int bpp = k % 3 ? 4 : 1, gw = 10, gh = 15, n = 5;
        size_t gs = gh * ((gw * bpp + 7) / 8), one = sizeof(QXLRasterGlyph) + gs;
        QXLString *s = calloc(1, sizeof *s + n * one);
        s->data_size = s->chunk.data_size = n * one;
        s->length = n;
        s->flags = (bpp == 1   ? SPICE_STRING_FLAGS_RASTER_A1
                    : bpp == 4 ? SPICE_STRING_FLAGS_RASTER_A4
                               : SPICE_STRING_FLAGS_RASTER_A8) |
                   (k < 6 ? 0 : SPICE_STRING_FLAGS_RASTER_TOP_DOWN);
        for (int g = 0; g < n; g++) {
            QXLRasterGlyph *gl = (QXLRasterGlyph *)(s->chunk.data + g * one);
            gl->render_pos.x = x + 8 + g * 13;
            gl->render_pos.y = y + 34 + (g & 1) * 3;
            gl->glyph_origin.x = 0;
            gl->glyph_origin.y = -gh;
            gl->width = gw;
            gl->height = gh;
            for (int yy = 0; yy < gh; yy++)
                for (int xx = 0; xx < gw; xx++)
                    if (font[(g + k) % 5][yy / 3 * 5 + xx / 2] == '1') {
                        int row = k < 6 ? gh - 1 - yy : yy, st = (gw * bpp + 7) / 8;
                        uint8_t *l = gl->data + row * st;
                        int v = 255 - (xx + yy) * 6;
                        if (bpp == 1)
                            l[xx / 8] |= 0x80 >> (xx & 7);
                        else if (bpp == 4)
                            l[xx / 2] |= (v >> 4) << (xx & 1 ? 0 : 4);
                        else
                            l[xx] = v;
                    }
        }
        QXLDrawable *d = D(QXL_DRAW_TEXT, r);
        d->u.text.str = (uintptr_t)s;
        d->u.text.fore_mode = d->u.text.back_mode = PUT;
        solid(&d->u.text.fore_brush, k * 0x1d2b37 & 0xffffff);
        if (k == 2 || k == 5) {
            d->u.text.back_area = R(x + 4, y + 12, 70, 34);
            solid(&d->u.text.back_brush, 0xffd080);
        } else
            d->u.text.back_brush.type = SPICE_BRUSH_TYPE_NONE;
        if (k == 4) clip(d, 3);
        go(d);
    }
}
static void s_alpha(void) {
    for (int k = 0; k < 3; k++) {
        CELL;
        go(copy(r, img(cw, ch, SPICE_BITMAP_FMT_32BIT, 1, 9, 0), 0, 0, cw, ch, PUT, 0));
        QXLDrawable *d = D(QXL_DRAW_TRANSPARENT, r);
        int s = k == 1 ? 38 : cw, t = k == 1 ? 28 : ch;
        d->u.transparent.src_bitmap =
            (uintptr_t)img(s, t, k == 2 ? SPICE_BITMAP_FMT_8BIT : SPICE_BITMAP_FMT_32BIT, 0, k, 0);
        d->u.transparent.src_area = R(0, 0, s, t);
        d->u.transparent.src_color = d->u.transparent.true_color = k == 2 ? 0x0000ff : 0xffffff;
        go(d);
    }
    int al[] = {255, 128, 60, 200, 255, 255},
        fm[] = {SPICE_BITMAP_FMT_RGBA,  SPICE_BITMAP_FMT_RGBA, SPICE_BITMAP_FMT_32BIT,
                SPICE_BITMAP_FMT_32BIT, SPICE_BITMAP_FMT_RGBA, SPICE_BITMAP_FMT_RGBA};
    for (int k = 0; k < 6; k++) {
        CELL;
        go(copy(r, img(cw, ch, SPICE_BITMAP_FMT_32BIT, 0, 9, 0), 0, 0, cw, ch, PUT, 0));
        QXLDrawable *d = D(QXL_DRAW_ALPHA_BLEND, r);
        int s = k == 4 ? 38 : cw, t = k == 4 ? 28 : ch;
        d->u.alpha_blend.alpha = al[k];
        d->u.alpha_blend.alpha_flags = 0;
        d->u.alpha_blend.src_bitmap = (uintptr_t)img(s, t, fm[k], k != 5, k, 0);
        d->u.alpha_blend.src_area = R(0, 0, s, t);
        if (k == 3) clip(d, 3);
        go(d);
    }
}
static void s_composite(void) {
    int ops[] = {3, 1, 12, 5, 7, 11, 8, 0x30, 0x31, 0x39};
    for (int k = 0; k < 14; k++) {
        CELL;
        go(copy(r, img(cw, ch, SPICE_BITMAP_FMT_32BIT, 0, 9, 0), 0, 0, cw, ch, PUT, 0));
        QXLDrawable *d = D(QXL_DRAW_COMPOSITE, r);
        int op = k < 10 ? ops[k] : 3;
        QXLComposite *c = &d->u.composite;
        int fl = op;
        c->src = (uintptr_t)img(k == 12 ? 20 : cw, k == 12 ? 16 : ch,
                                k == 13 ? SPICE_BITMAP_FMT_32BIT : SPICE_BITMAP_FMT_RGBA, 1, k, 0);
        /* Not 8 bits: the library takes those as opaque. */
        if (k == 10 || k == 13) c->mask = (uintptr_t)img(cw, ch, SPICE_BITMAP_FMT_RGBA, 0, 0, 0);
        if (k == 11) {
            QXLTransform *t = calloc(1, sizeof *t);
            t->t00 = 0x8000;
            t->t01 = 0x2000;
            t->t10 = 0;
            t->t11 = 0x8000;
            t->t12 = 0x10000;
            c->src_transform = (uintptr_t)t;
            fl |= 1 << 8;
        }
        if (k == 12) fl |= 1 << 14; /* repeat normal */
        c->flags = fl;
        c->src_origin.x = c->src_origin.y = k == 9 ? 5 : 0;
        go(d);
    }
}
static void s_surface(void) {
    for (int k = 0; k < 3; k++) {
        int id = 1 + k, w = 150, h = 100, fmt = k == 1 ? SPICE_SURFACE_FMT_32_ARGB : SPICE_SURFACE_FMT_32_xRGB,
            bpp = 4; /* a surface of another depth makes the server abort when copied */
        QXLSurfaceCmd *c = calloc(1, sizeof *c);
        c->surface_id = id;
        c->type = QXL_SURFACE_CMD_CREATE;
        c->u.surface_create.format = fmt;
        c->u.surface_create.width = w;
        c->u.surface_create.height = h;
        c->u.surface_create.stride = w * bpp;
        c->u.surface_create.data = (uintptr_t)calloc(w * h, bpp);
        push(&dq, QXL_CMD_SURFACE, c);
        usleep(20000);
        surface = id;
        fill(R(0, 0, w, h), 0x335577 + k * 0x400000, PUT);
        if (k != 2) go(copy(R(10, 10, cw, ch), img(cw, ch, SPICE_BITMAP_FMT_32BIT, 1, k, 0), 0, 0, cw, ch, PUT, 0));
        fill(R(60, 30, 50, 60), 0xffee00 | 0xff000000u, PUT);
        surface = 0;
        QXLRect r = R(20 + k * 200, 330, w, h);
        QXLDrawable *d = copy(r, surf_img(id, w, h), 0, 0, w, h, PUT, 0);
        d->surfaces_dest[0] = id;
        d->surfaces_rects[0] = R(0, 0, w, h);
        go(d);
        r = R(20 + k * 200, 435, 75, 40);
        d = copy(r, surf_img(id, w, h), 0, 0, w, h, PUT, SPICE_IMAGE_SCALE_MODE_INTERPOLATE);
        d->surfaces_dest[0] = id;
        d->surfaces_rects[0] = R(0, 0, w, h);
        go(d);
        usleep(40000);
        if (k == 0) {
            c = calloc(1, sizeof *c);
            c->surface_id = id;
            c->type = QXL_SURFACE_CMD_DESTROY;
            push(&dq, QXL_CMD_SURFACE, c);
            usleep(40000);
        }
    }
}
static void s_copybits(void) {
    for (int i = 0; i < 4; i++)
        go(copy(R(40 + i * 80, 40, 76, 56), img(76, 56, SPICE_BITMAP_FMT_32BIT, i & 1, i, 0), 0, 0, 76, 56, PUT, 0));
    usleep(40000);
    int mv[][6] = {{40, 40, 200, 60, 33, 21},
                   {50, 50, 200, 60, 0, 30},
                   {0, 40, 400, 80, 0, -17},
                   {100, 30, 300, 100, -25, 0},
                   {40, 40, 300, 100, 200, 250}};
    for (int i = 0; i < 5; i++) {
        int *m = mv[i];
        QXLDrawable *d = D(QXL_COPY_BITS, R(m[0] + m[4], m[1] + m[5], m[2], m[3]));
        d->effect = QXL_EFFECT_OPAQUE;
        d->u.copy_bits.src_pos.x = m[0];
        d->u.copy_bits.src_pos.y = m[1];
        if (i == 3) clip(d, 3);
        go(d);
        usleep(20000);
    }
}
static void s_cache(void) {
    QXLImage *a = img(120, 90, SPICE_BITMAP_FMT_32BIT, 1, 1, 1), *b = img(120, 90, SPICE_BITMAP_FMT_32BIT, 0, 1, 1),
             *p = img(120, 90, SPICE_BITMAP_FMT_8BIT, 0, 1, 1);
    for (int i = 0; i < 3; i++) {
        go(copy(R(10 + i * 130, 10, 120, 90), a, 0, 0, 120, 90, PUT, 0));
        usleep(20000);
        go(copy(R(10 + i * 130, 110, 120, 90), b, 0, 0, 120, 90, PUT, 0));
        usleep(20000);
        go(copy(R(10 + i * 130, 210, 120, 90), p, 0, 0, 120, 90, PUT, 0));
        usleep(20000);
        go(copy(R(10 + i * 130, 310, 60, 45), img(60, 45, SPICE_BITMAP_FMT_8BIT, 0, i, 0), 0, 0, 60, 45, PUT, 0));
        usleep(20000);
    }
    spice_qxl_reset_image_cache(&qxl);
    go(copy(R(420, 10, 120, 90), a, 0, 0, 120, 90, PUT, 0));
}
static void s_plt(void) { /* palette pictures whose rows have no padding: only those are LZ coded */
    int f[] = {SPICE_BITMAP_FMT_1BIT_BE, SPICE_BITMAP_FMT_4BIT_BE, SPICE_BITMAP_FMT_8BIT, SPICE_BITMAP_FMT_8BIT};
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < 4; i++)
            go(copy(R(20 + i * 150, 20 + k * 140, 128, 96), img(128, 96, f[i], 0, i + k, k == 2), 0, 0, 128, 96, PUT,
                    0));
}
static void s_evict(void) { /* more pixels than the 20 Mi that clients keep: INVAL_LIST */
    enum { N = 72 };
    QXLImage *k[N];
    for (int i = 0; i < N; i++) k[i] = img(640, 480, SPICE_BITMAP_FMT_32BIT, 0, i, 1);
    for (int i = 0; i < N + 8; i++) {
        QXLDrawable *d = copy(R(0, 0, 640, 480), k[i % N], 0, 0, 640, 480, PUT, 0);
        d->effect = QXL_EFFECT_BLEND;
        go(d);
    }
}
static void s_stream(int sized) {
    int frames = 70;
    uint64_t t0 = now_ms();
    for (int i = 0; i < frames && !quit; i++) {
        /* a sized frame: its box contains the stream's box and is less than twice as big */
        int big = sized && i >= 35 && i / 4 % 2, sw = big ? 184 : 160, sh = big ? 138 : 120;
        QXLRect r = big ? R(340, 12, 184, 138) : R(350, 20, 160, 120);
        QXLImage *im = img(sw, sh, SPICE_BITMAP_FMT_32BIT, 1, i * 3, 0);
        QXLDrawable *d = copy(r, im, 0, 0, sw, sh, PUT, 0);
        d->mm_time = now_ms();
        push(&dq, QXL_CMD_DRAW, d);
        if (i == frames / 2 && !sized) fill(R(470, 100, 120, 90), 0x883322, PUT); /* something over it: STREAM_CLIP */
        int64_t w = (int64_t)(t0 + (i + 1) * 40) - (int64_t)now_ms();
        if (w > 0) usleep(w * 1000);
    }
    usleep(1500000);
    go(copy(R(340, 12, 184, 138), img(184, 138, SPICE_BITMAP_FMT_32BIT, 0, 3, 0), 0, 0, 184, 138, PUT,
            0)); /* a still end state */
}
static void s_stream_plain(void) { s_stream(0); }
static void s_stream_sized(void) { s_stream(1); }
static void cur_cmd(QXLCursorCmd *c) {
    push(&cq, QXL_CMD_CURSOR, c);
    usleep(120000);
}
static void s_cursor(void) {
    for (int pass = 0; pass < 2; pass++)
        for (int t = 0; t <= SPICE_CURSOR_TYPE_COLOR32; t++) {
            int w = t == 0 ? 24 : 32, h = t == 0 ? 28 : 32;
            int bits[] = {32, 2, 4, 8, 16, 24, 32};
            size_t n = t == 1 ? (size_t)w / 8 * h * 2
                              : (size_t)w * bits[t] / 8 * h + (t ? w / 8 * h : 0) +
                                    (t == 2   ? 64
                                     : t == 3 ? 1024
                                              : 0);
            QXLCursor *k = calloc(1, sizeof *k + n + 64);
            k->header.unique = 0x100 + t;
            k->header.type = t;
            k->header.width = w;
            k->header.height = h;
            k->header.hot_spot_x = t;
            k->header.hot_spot_y = 2;
            k->data_size = k->chunk.data_size = n;
            uint8_t *d = k->chunk.data;
            for (int y = 0; y < h; y++)
                for (int x = 0; x < w; x++) {
                    int in = x <= y && x + y < h + 8;
                    uint32_t c = in ? 0xff000000u | (uint32_t)(x * 8) << 16 | (uint32_t)(y * 8) << 8 | 0x60 : 0;
                    if (t == 0) {
                        uint32_t a = in ? 255 - y * 5 : 0,
                                 v = a << 24 | (a * (x * 8 & 255) / 255) << 16 | (a * 128 / 255) << 8 | a * 40 / 255;
                        memcpy(d + 4 * (y * w + x), &v, 4);
                    } else if (t == 1) {
                        if (!in) d[y * w / 8 + x / 8] |= 0x80 >> (x & 7);
                        if (in && (x + y) % 7 == 0) d[w / 8 * h + y * w / 8 + x / 8] |= 0x80 >> (x & 7);
                    } else {
                        size_t base = (size_t)w * bits[t] / 8 * h;
                        uint8_t *m = d + base + (t == 2 ? 64 : t == 3 ? 1024 : 0);
                        if (!in) m[y * w / 8 + x / 8] |= 0x80 >> (x & 7);
                        if (t == 2) {
                            d[y * w / 2 + x / 2] |= (in ? (x / 4 + y / 4) & 15 : 0) << (x & 1 ? 0 : 4);
                        } else if (t == 3)
                            d[y * w + x] = in ? x * 8 : 0;
                        else if (t == 4) {
                            uint16_t v = in ? (x & 31) << 10 | (y & 31) << 5 | 9 : 0;
                            memcpy(d + 2 * (y * w + x), &v, 2);
                        } else if (t == 5) {
                            d[3 * (y * w + x)] = c;
                            d[3 * (y * w + x) + 1] = c >> 8;
                            d[3 * (y * w + x) + 2] = c >> 16;
                        } else {
                            c &= 0xffffff;
                            memcpy(d + 4 * (y * w + x), &c, 4);
                        }
                    }
                }
            if (t == 2 || t == 3)
                for (int i = 0; i < (t == 2 ? 16 : 256); i++) {
                    uint32_t c = t == 2 ? (uint32_t)i * 0x110a04 : (uint32_t)(i << 16 | (255 - i) << 8 | 40);
                    memcpy(d + (size_t)w * bits[t] / 8 * h + 4 * i, &c, 4);
                }
            QXLCursorCmd *c = calloc(1, sizeof *c);
            c->type = QXL_CURSOR_SET;
            c->u.set.position.x = 100 + t * 30;
            c->u.set.position.y = 100;
            c->u.set.visible = 1;
            c->u.set.shape = (uintptr_t)k;
            cur_cmd(c);
            c = calloc(1, sizeof *c);
            c->type = QXL_CURSOR_MOVE;
            c->u.position.x = 110 + t * 30;
            c->u.position.y = 130 + pass * 20;
            cur_cmd(c);
        }
    QXLCursorCmd *c = calloc(1, sizeof *c);
    c->type = QXL_CURSOR_TRAIL;
    c->u.trail.length = 3;
    c->u.trail.frequency = 5;
    cur_cmd(c);
    c = calloc(1, sizeof *c);
    c->type = QXL_CURSOR_HIDE;
    cur_cmd(c);
    c = calloc(1, sizeof *c);
    c->type = QXL_CURSOR_MOVE;
    c->u.position.x = 200;
    c->u.position.y = 200;
    cur_cmd(c);
    spice_qxl_reset_cursor(&qxl);
}
static int fbfmt;
static void create_primary(int w, int h, int fmt) {
    static uint8_t *mem;
    fbfmt = fmt;
    int bpp = fmt == SPICE_SURFACE_FMT_32_xRGB || fmt == SPICE_SURFACE_FMT_32_ARGB ? 4 : 2;
    mem = calloc(w * h, bpp);
    W = w;
    H = h;
    fb = mem;
    cell = 0;
    QXLDevSurfaceCreate s = {.width = w,
                             .height = h,
                             .stride = w * bpp,
                             .format = fmt,
                             .type = QXL_SURF_TYPE_PRIMARY,
                             .flags = 0,
                             .mouse_mode = 1,
                             .mem = (uintptr_t)mem};
    spice_qxl_create_primary_surface(&qxl, 0, &s);
}
static void heads(int n) {
    QXLMonitorsConfig *m = calloc(1, sizeof *m + n * sizeof(QXLHead));
    m->count = n;
    m->max_allowed = 4;
    for (int i = 0; i < n; i++) {
        m->heads[i].id = i;
        m->heads[i].width = W / n;
        m->heads[i].height = H;
        m->heads[i].x = i * (W / n);
    }
    spice_qxl_monitors_config_async(&qxl, (uintptr_t)m, 0, 0);
    usleep(60000);
}
static void s_monitors(void) {
    heads(1);
    heads(2);
    heads(1);
}
static void s_resize(void) {
    spice_qxl_destroy_primary_surface(&qxl, 0);
    usleep(40000);
    create_primary(800, 600, SPICE_SURFACE_FMT_32_xRGB);
    fill(R(0, 0, 800, 600), 0x204020, PUT);
    go(copy(R(600, 400, 160, 120), img(160, 120, SPICE_BITMAP_FMT_32BIT, 1, 3, 0), 0, 0, 160, 120, PUT, 0));
    usleep(60000);
    spice_qxl_destroy_primary_surface(&qxl, 0);
    usleep(40000);
    create_primary(640, 480, SPICE_SURFACE_FMT_32_xRGB);
    fill(R(0, 0, 640, 480), 0x402020, PUT);
}
static void s_depth16(void) {
    spice_qxl_destroy_primary_surface(&qxl, 0);
    usleep(40000);
    create_primary(640, 480, SPICE_SURFACE_FMT_16_555);
    fill(R(0, 0, 640, 480), 0x1234, PUT);
    for (int i = 0; i < 4; i++)
        go(copy(R(20 + i * 150, 50, 120, 90), img(120, 90, SPICE_BITMAP_FMT_16BIT, i & 1, i, 0), 0, 0, 120, 90, PUT,
                0));
    fill(R(50, 200, 200, 100), 0x7c00, PUT);
}
static void s_mix(void) {
    for (int i = 0; i < 60; i++) {
        int w = 30 + rnd() % 120, h = 20 + rnd() % 80, x = rnd() % (W - w), y = rnd() % (H - h);
        if (i % 3)
            go(copy(R(x, y, w, h), img(w, h, SPICE_BITMAP_FMT_32BIT, rnd() & 1, rnd() % 50, 0), 0, 0, w, h, PUT, 0));
        else
            fill(R(x, y, w, h), rnd() & 0xffffff, PUT);
    }
}

static struct {
    const char *n;
    void (*f)(void);
} scenes[] = {{"fill", s_fill},
              {"copy", s_copy},
              {"big", s_big},
              {"blend", s_blend},
              {"rop3", s_rop3},
              {"stroke", s_stroke}, {"paths", s_paths},
              {"text", s_text},
              {"alpha", s_alpha},
              {"composite", s_composite},
              {"surface", s_surface},
              {"copybits", s_copybits},
              {"cache", s_cache},
              {"plt", s_plt},
              {"evict", s_evict},
              {"cursor", s_cursor},
              {"monitors", s_monitors},
              {"resize", s_resize},
              {"depth16", s_depth16},
              {"mix", s_mix},
              {"stream", s_stream_plain},
              {"stream-sized", s_stream_sized},
              {0, 0}};

static const char *scene_list = "", *folder = ".";
static void write_ppm(FILE *f) {
    fprintf(f, "P6\n%d %d\n255\n", W, H);
    for (int i = 0; i < W * H; i++) {
        uint8_t q[3];
        if (fbfmt == SPICE_SURFACE_FMT_16_555) {
            uint16_t v;
            memcpy(&v, fb + 2 * i, 2);
            for (int k = 0; k < 3; k++) {
                int c = v >> (10 - 5 * k) & 31;
                q[k] = c << 3 | c >> 2;
            }
        } else {
            uint8_t *p = fb + 4 * i;
            q[0] = p[2];
            q[1] = p[1];
            q[2] = p[0];
        }
        fwrite(q, 1, 3, f);
    }
}
/* Shows what should be on the screen, and waits until somebody has seen it. */
static void show(const char *scene) {
    while (dq.r != dq.w && !quit) usleep(1000);
    QXLRect a = R(0, 0, W, H), dirty[1];
    spice_qxl_update_area(&qxl, 0, &a, dirty, 1, 0);
    char part[4096], whole[4096];
    snprintf(part, sizeof part, "%s/%s.part", folder, scene);
    snprintf(whole, sizeof whole, "%s/%s.ppm", folder, scene);
    FILE *f = fopen(part, "wb");
    if (!f) {
        perror(part);
        exit(1);
    }
    write_ppm(f);
    fclose(f);
    rename(part, whole);
    struct stat st;
    while (!stat(whole, &st) && !quit) usleep(5000);
}
static void clear(void) {
    fill(R(0, 0, W, H), 0x506070, PUT);
    cell = 0;
}

// Sound: a tone of 400 Hz, half as loud on the right, for as long as is asked for, begun when a client listens. What
// was given to the library is also written as FOLDER/sound.raw. A block of 480 samples is four periods at 48 kHz: one that the
// library drops for want of time leaves no break: each period is the same to the last bit.

static SpicePlaybackInterface tone_interface = {
    .base = {.type = SPICE_INTERFACE_PLAYBACK,
             .description = "tone",
             .major_version = SPICE_INTERFACE_PLAYBACK_MAJOR,
             .minor_version = SPICE_INTERFACE_PLAYBACK_MINOR}};
static SpicePlaybackInstance tone = {.base = {.sif = &tone_interface.base}};
static SpiceTimer *tone_timer;
static uint32_t tone_seconds = 2;
// One block of samples each time, so that a stall of this program never gives the library more than it keeps.
static void tone_more(void *o) {
    static FILE *file;
    static uint64_t sent;
    uint32_t rate = spice_server_get_best_playback_rate(&tone), *frames = NULL, count = 0;
    if (sound_up && !file) {
        uint16_t volume[2] = {40000, 42000};
        char path[4096];
        snprintf(path, sizeof path, "%s/sound.raw", folder);
        file = fopen(path, "wb");
        spice_server_set_playback_rate(&tone, rate);
        spice_server_playback_set_volume(&tone, 2, volume);
        spice_server_playback_set_mute(&tone, 0);
        spice_server_playback_start(&tone);
    } else if (file && sent < (uint64_t)tone_seconds * rate) {
        spice_server_playback_get_buffer(&tone, &frames, &count);
        for (uint32_t i = 0; frames && i < count; i++, sent++) {
            uint64_t phase = sent * 400 % rate;
            int16_t left = 9000 * sin(2 * M_PI * phase / rate), right = left / 2;
            frames[i] = (uint16_t)left | (uint32_t)(uint16_t)right << 16;
        }
        if (frames) {
            fwrite(frames, 4, count, file);
            fflush(file);
            spice_server_playback_put_samples(&tone, frames);
        }
        if (sent >= (uint64_t)tone_seconds * rate) spice_server_playback_stop(&tone);
    }
    timer_start(tone_timer, 10);
}

static void *director(void *o) {
    while (!client_up && !quit) usleep(5000);
    clear();
    show("start");
    char *list = strdup(scene_list), *rest, *name;
    for (name = strtok_r(list, ",", &rest); name && !quit; name = strtok_r(NULL, ",", &rest)) {
        int i;
        for (i = 0; scenes[i].n && strcmp(scenes[i].n, name); i++);
        if (!scenes[i].n) {
            fprintf(stderr, "no scene '%s'\n", name);
            exit(2);
        }
        clear();
        scenes[i].f();
        show(name);
    }
    return NULL;
}
static void on_sig(int s) { quit = 1; }
static int pick(const char *s, const char **l) {
    for (int i = 0; l[i]; i++)
        if (!strcmp(s, l[i])) return i;
    fprintf(stderr, "bad value '%s'\n", s);
    exit(2);
}
int main(int argc, char **argv) {
    int port = 0;
    const char *ic = "auto_glz", *jpeg = "never", *zl = "never", *sv = "off", *vc = NULL, *sound = NULL;
    static const char *ics[] = {"invalid", "off", "auto_glz", "auto_lz", "quic", "glz", "lz", "lz4", 0},
                      *wan[] = {"invalid", "auto", "always", "never", 0},
                      *svs[] = {"invalid", "off", "all", "filter", 0};
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *a = argv[i], *v = argv[i + 1];
        if (!strcmp(a, "--port"))
            port = atoi(v);
        else if (!strcmp(a, "--scenes"))
            scene_list = v;
        else if (!strcmp(a, "--folder"))
            folder = v;
        else if (!strcmp(a, "--image-compression"))
            ic = v;
        else if (!strcmp(a, "--jpeg-wan"))
            jpeg = v;
        else if (!strcmp(a, "--zlib-glz-wan"))
            zl = v;
        else if (!strcmp(a, "--streaming-video"))
            sv = v;
        else if (!strcmp(a, "--video-codecs"))
            vc = v;
        else if (!strcmp(a, "--sound"))
            sound = v;
        else if (!strcmp(a, "--seconds"))
            tone_seconds = atoi(v);
        else {
            fprintf(stderr, "unknown option %s\n", a);
            return 2;
        }
    }
    signal(SIGTERM, on_sig);
    signal(SIGINT, on_sig);
    signal(SIGPIPE, SIG_IGN);
    srv = spice_server_new();
    spice_server_set_addr(srv, "127.0.0.1", 0);
    spice_server_set_port(srv, port);
    spice_server_set_noauth(srv);
    spice_server_set_image_compression(srv, pick(ic, ics));
    spice_server_set_jpeg_compression(srv, pick(jpeg, wan));
    spice_server_set_zlib_glz_compression(srv, pick(zl, wan));
    spice_server_set_streaming_video(srv, pick(sv, svs));
    if (vc) spice_server_set_video_codecs(srv, vc);
    spice_server_set_name(srv, "draws");
    if (sound) spice_server_set_playback_compression(srv, strcmp(sound, "raw"));
    if (spice_server_init(srv, &core)) {
        fprintf(stderr, "cannot listen on port %d\n", port);
        return 1;
    }
    qxl.base.sif = &qif.base;
    qxl.id = 0;
    spice_server_add_interface(srv, &qxl.base);
    QXLDevMemSlot slot = {.slot_group_id = 0,
                          .slot_id = 0,
                          .generation = 0,
                          .virt_start = 0,
                          .virt_end = ~0ul,
                          .addr_delta = 0,
                          .qxl_ram_size = ~0u};
    spice_qxl_add_memslot(&qxl, &slot);
    create_primary(W, H, SPICE_SURFACE_FMT_32_xRGB);
    if (sound) {
        spice_server_add_interface(srv, &tone.base);
        tone_timer = timer_add(tone_more, NULL);
        timer_start(tone_timer, 10);
    }
    spice_server_vm_start(srv);
    pthread_t th;
    pthread_create(&th, NULL, director, NULL);
    printf("READY\n");
    fflush(stdout);
    while (!quit) loop_once(100);
    _exit(0);
}
