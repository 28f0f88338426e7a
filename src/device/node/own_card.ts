// One of several cards of a kind for each process. Dawn chooses by name, which they share; Mesa's device-select layer, which the Vulkan loader
// puts in front of every maker's driver, chooses by place on the PCI bus, as the environment says.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const LAYERS = ['/etc', '/usr/local/share', '/usr/share'].map((dir) => join(dir, 'vulkan', 'implicit_layer.d'));

/** The most cards of one kind on this machine, in the bus's order, as `DRI_PRIME` names them: `pci-0000_02_00_0`, …; none where no two are alike. */
export function identicalCards(bus = '/sys/bus/pci/devices'): string[] {
  if (!existsSync(bus)) return [];
  const read = (address: string, file: string): string => readFileSync(join(bus, address, file), 'utf8').trim();
  const places = new Map<string, string[]>();
  for (const address of readdirSync(bus).sort()) {
    if (!read(address, 'class').startsWith('0x03')) continue;
    const kind = `${read(address, 'vendor')}:${read(address, 'device')}`;
    places.set(kind, [...(places.get(kind) ?? []), `pci-${address.replace(/[:.]/g, '_')}`]);
  }
  const most = [...places.values()].sort((a, b) => b.length - a.length)[0] ?? [];
  return most.length > 1 ? most : [];
}

/** Whether Mesa's layer is installed. */
export const hasSelectLayer = (): boolean =>
  LAYERS.some((dir) => existsSync(join(dir, 'VkLayer_MESA_device_select.json')));

/**
 * Leaves this process one of several cards of a kind, unless the environment has chosen already. To be called before an adapter is asked for.
 * @param place of this process among those of the machine
 * @returns the card; null: there is nothing to choose, or no way to
 */
export function takeOwnCard(place: number, cards = identicalCards(), env = process.env): string | null {
  if (cards.length === 0 || !hasSelectLayer()) return null;
  if (env.DRI_PRIME !== undefined || env.MESA_VK_DEVICE_SELECT !== undefined) return null;
  env.DRI_PRIME = cards[place % cards.length];
  env.MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE = '1';
  return env.DRI_PRIME;
}
