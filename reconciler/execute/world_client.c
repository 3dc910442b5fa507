/* A certificate of Evenkeel's own: made when the first server asks for one, in memory, signed by
 * the deployment's authority, and made anew before it ends. */
#include <stdio.h>
#include <unistd.h>

#include "drivers/certificate/client.h"
#include "reconciler/base/clock.h"
#include "reconciler/execute/world_internal.h"

enum { MADE_ANEW_AFTER_S = 86400 };

static void make(struct ek_world *world)
{
    struct ek_client_proof *client = &world->client;
    int64_t now_s = ek_wall_ms() / 1000;
    int fd;
    const struct ek_client_order order = {world->certificates, &world->authority, "evenkeel",
                                          now_s};
    if (ek_certificate_for_client(&order, &fd, NULL) != 0)
        return;
    if (client->file >= 0)
        close(client->file);
    client->file = fd;
    client->made_s = now_s;
}

static bool file(void *context, bool wanted, char ret_path[static EK_CLIENT_PATH_SIZE])
{
    struct ek_world *world = context;
    struct ek_client_proof *client = &world->client;
    pthread_mutex_lock(&client->lock);
    bool old = client->file >= 0 && ek_wall_ms() / 1000 - client->made_s > MADE_ANEW_AFTER_S;
    if ((wanted && client->file < 0) || old)
        make(world);
    bool there = client->file >= 0;
    if (there)
        snprintf(ret_path, EK_CLIENT_PATH_SIZE, "/proc/self/fd/%d", client->file);
    pthread_mutex_unlock(&client->lock);
    return there;
}

void ek_world_client_begin(struct ek_world *world)
{
    world->client.file = -1;
    pthread_mutex_init(&world->client.lock, NULL);
    world->client.certificate = (struct ek_mongodb_client_maker){world, file};
}

void ek_world_client_end(struct ek_world *world)
{
    if (world->client.file >= 0)
        close(world->client.file);
    pthread_mutex_destroy(&world->client.lock);
}
