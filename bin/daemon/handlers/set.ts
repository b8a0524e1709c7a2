import type { LnetNode } from '../../../lnet/node.ts';
import { normalSetting, SETTING_RANGES, settingOf } from '../../../lnet/config/read-global.ts';
import { EINVAL, ENOENT } from '../../../lnet/errno.ts';
import { LnetError } from '../../../lnet/error-code.ts';
import { Args } from '../args.ts';
import type { Handlers } from '../control-server.ts';

/** `set NAME VALUE`: lnetctl §5.6. The settings themselves know what they ask of each other. */
export function setHandlers(node: LnetNode): Handlers {
  return {
    set: (given) => {
      const args = new Args(given);
      const name = args.text('name');
      const value = args.integer('value');
      args.end();
      const setting = settingOf(name);
      if (!setting)
        throw new LnetError('ERR_LNET_NOT_FOUND', { errno: -ENOENT, message: `there is no setting '${name}'` });
      const { min, max } = SETTING_RANGES[setting];
      if (value < min || value > max) {
        throw new LnetError('ERR_LNET_BAD_ARGUMENT', { errno: -EINVAL, message: `${name} must be ${min}..${max}` });
      }
      node.core.network.changeSettings({ [setting]: normalSetting(setting, value) });
      return null;
    },
  };
}
